"""The Monitoring API's messages as plain protobuf classes, as logging.wire has its own."""

from typing import Any

from google.api.metric_pb2 import MetricDescriptor as _MetricDescriptor
from google.cloud.monitoring_v3.types import common, metric, metric_service

# Generated at import by proto-plus, so no static type exists below `Message`.
ListTimeSeriesRequest: Any = metric_service.ListTimeSeriesRequest.pb()
ListTimeSeriesResponse: Any = metric_service.ListTimeSeriesResponse.pb()
ListMetricDescriptorsRequest: Any = metric_service.ListMetricDescriptorsRequest.pb()
ListMetricDescriptorsResponse: Any = metric_service.ListMetricDescriptorsResponse.pb()
TimeSeries: Any = metric.TimeSeries.pb()
Point: Any = metric.Point.pb()
Aggregation: Any = common.Aggregation.pb()
MetricDescriptor: Any = _MetricDescriptor
