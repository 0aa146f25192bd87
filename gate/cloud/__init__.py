"""Acts: the one room that speaks to Google. It reports what it sees and judges nothing."""

from gate.cloud.deferral import put_off

# Parents before children. From here on, modules of this room import message types from the module
# that defines them (google.cloud.run_v2.types.service), never from the package.
put_off("google.cloud.run_v2")
put_off("google.cloud.run_v2.types")
put_off("google.cloud.logging_v2")
put_off("google.cloud.logging_v2.types")
