"""An application and an OTLP server in Python: `send CASES`, `serve CERT KEY SOCKET [LIMIT]`. Each line of output is JSON."""

import json
import sys
import threading
from concurrent import futures

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as stubs

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
lock = threading.Lock()


def say(**what):
    with lock:
        print(json.dumps(what), flush=True)


def exporter(case):
    """The SDK's exporter for spans or metrics."""
    secure = case.get("ca")
    gzip = case.get("compression") == "gzip"
    if case["protocol"] == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        options = {"endpoint": case["endpoint"], "timeout": 20}
        options["compression"] = grpc.Compression.Gzip if gzip else grpc.Compression.NoCompression
        if secure:
            options["credentials"] = grpc.ssl_channel_credentials(open(secure, "rb").read())
        else:
            options["insecure"] = True
        return OTLPSpanExporter(**options), OTLPMetricExporter(**options)
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    options = {"timeout": 20, "compression": Compression.Gzip if gzip else Compression.NoCompression}
    if secure:
        options["certificate_file"] = secure
    return (
        OTLPSpanExporter(endpoint=case["endpoint"] + "/v1/traces", **options),
        OTLPMetricExporter(endpoint=case["endpoint"] + "/v1/metrics", **options),
    )


def send_with_sdk(case):
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    spans_to, metrics_to = exporter(case)
    resource = Resource({"service.name": case["name"]})
    traces = TracerProvider(resource=resource)
    traces.add_span_processor(BatchSpanProcessor(spans_to))
    metrics = MeterProvider([PeriodicExportingMetricReader(metrics_to, 3_600_000)], resource=resource)
    tracer = traces.get_tracer("shop", "1.0")
    counter = metrics.get_meter("shop").create_counter("requests")
    sent = []
    for i in range(case["spans"]):
        with tracer.start_as_current_span(f"{case['name']} {i}", attributes={"order": i, "tags": ["a", "é"]}) as span:
            context = span.get_span_context()
            sent.append([format(context.trace_id, "032x"), format(context.span_id, "016x"), span.name])
        counter.add(1)
    traces.shutdown()
    metrics.shutdown()
    say(case=case["name"], sent=sent)


def send_raw(case):
    """Bytes as they are, and what comes back; for targets that the SDK has no names for, and for what is refused."""
    if case.get("ca"):
        channel = grpc.secure_channel(case["endpoint"], grpc.ssl_channel_credentials(open(case["ca"], "rb").read()))
    else:
        channel = grpc.insecure_channel(case["endpoint"])
    with channel:
        method = channel.unary_unary(case.get("method", EXPORT))
        try:
            answer = method(bytes.fromhex(case["body"]), timeout=20, metadata=case.get("metadata"))
            say(case=case["name"], answer=answer.hex())
        except grpc.RpcError as error:
            say(case=case["name"], code=error.code().name, details=error.details())


class Server(stubs.TraceServiceServicer):
    """Answers as the metadata `x-answer` asks for; each request is a line."""

    def __init__(self):
        self.refused = set()

    def Export(self, request, context):
        metadata = dict(context.invocation_metadata())
        name, answer = metadata.get("x-case"), metadata.get("x-answer")
        spans = [
            [span.trace_id.hex(), span.span_id.hex(), span.name]
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        say(case=name, spans=spans)
        if answer == "retry" and name not in self.refused:
            self.refused.add(name)
            context.abort(grpc.StatusCode.UNAVAILABLE, "come again")
        if answer == "invalid":
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "not this")
        response = service.ExportTraceServiceResponse()
        if answer == "partial":
            response.partial_success.rejected_spans = 1
            response.partial_success.error_message = "one too many"
        return response


def serve(cert, key, socket, limit=4 << 20):
    options = [("grpc.max_receive_message_length", int(limit))]
    server = grpc.server(futures.ThreadPoolExecutor(4), options=options)
    stubs.add_TraceServiceServicer_to_server(Server(), server)
    pair = (open(key, "rb").read(), open(cert, "rb").read())
    ports = {
        "plain": server.add_insecure_port("127.0.0.1:0"),
        "tls": server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair])),
        "ipv6": server.add_insecure_port("[::1]:0"),
    }
    server.add_insecure_port(f"unix:{socket}")
    server.start()
    say(ports=ports)
    sys.stdin.read()


if sys.argv[1] == "serve":
    serve(*sys.argv[2:])
else:
    for one in json.loads(sys.argv[2]):
        (send_raw if "body" in one else send_with_sdk)(one)
