"""Ledgers as gates write them are whole; whatever changes what one says is found."""

import json
import random

import pytest

from gate.ledger.verify import verify
from tests.campaign import *  # placeholder
