import com.google.protobuf.ByteString;
import io.grpc.*;
import io.grpc.netty.shaded.io.grpc.netty.*;
import io.grpc.netty.shaded.io.netty.channel.epoll.*;
import io.grpc.netty.shaded.io.netty.channel.unix.DomainSocketAddress;
import io.grpc.stub.*;
import io.opentelemetry.api.common.*;
import io.opentelemetry.api.trace.*;
import io.opentelemetry.exporter.otlp.http.trace.*;
import io.opentelemetry.exporter.otlp.trace.*;
import io.opentelemetry.proto.collector.trace.v1.*;
import io.opentelemetry.sdk.resources.*;
import io.opentelemetry.sdk.trace.*;
import io.opentelemetry.sdk.trace.export.*;
import java.io.File;
import java.net.InetSocketAddress;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;

/**
 * An application and an OTLP server in Java: `send` with six words for each case, NAME PROTOCOL ENDPOINT COMPRESSION CA
 * SPANS or NAME `raw` TARGET METHOD BODY CA, `-` for none; `serve CERT KEY SOCKET`. Each line of output is JSON.
 */
public final class Foreign {
  static final Metadata.Key<String> CASE = key("x-case");
  static final Metadata.Key<String> ANSWER = key("x-answer");
  static final Context.Key<Metadata> METADATA = Context.key("metadata");

  static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  static synchronized void say(String json) {
    System.out.println(json);
    System.out.flush();
  }

  public static void main(String[] args) throws Exception {
    if (args[0].equals("serve")) serve(args[1], args[2], args[3]);
    else for (int i = 1; i + 5 < args.length; i += 6) send(Arrays.copyOfRange(args, i, i + 6));
    System.exit(0);
  }

  static SpanExporter exporter(String protocol, String endpoint, String compression, String ca) throws Exception {
    byte[] trusted = ca.equals("-") ? null : Files.readAllBytes(Path.of(ca));
    if (protocol.equals("grpc")) {
      var builder = OtlpGrpcSpanExporter.builder().setEndpoint(endpoint).setCompression(compression);
      return (trusted == null ? builder : builder.setTrustedCertificates(trusted)).build();
    }
    var builder = OtlpHttpSpanExporter.builder().setEndpoint(endpoint + "/v1/traces").setCompression(compression);
    return (trusted == null ? builder : builder.setTrustedCertificates(trusted)).build();
  }

  static void send(String[] c) throws Exception {
    if (c[1].equals("raw")) {
      raw(c);
      return;
    }
    var resource = Resource.create(io.opentelemetry.api.common.Attributes.of(AttributeKey.stringKey("service.name"), c[0]));
    var processor = BatchSpanProcessor.builder(exporter(c[1], c[2], c[3], c[4])).build();
    var provider = SdkTracerProvider.builder().setResource(resource).addSpanProcessor(processor).build();
    var tracer = provider.get("shop", "1.0");
    var sent = new StringJoiner(",");
    for (int i = 0; i < Integer.parseInt(c[5]); i++) {
      var span = tracer.spanBuilder(c[0] + " " + i).setAttribute("order", i)
          .setAttribute(AttributeKey.stringArrayKey("tags"), List.of("a", "é")).startSpan();
      var context = span.getSpanContext();
      sent.add("[\"" + context.getTraceId() + "\",\"" + context.getSpanId() + "\",\"" + c[0] + " " + i + "\"]");
      span.end();
    }
    provider.shutdown().join(20, TimeUnit.SECONDS);
    say("{\"case\":\"" + c[0] + "\",\"sent\":[" + sent + "]}");
  }

  /** NAME raw TARGET METHOD BODY CA: bytes as they are, and what comes back. */
  static void raw(String[] c) throws Exception {
    boolean unix = c[2].startsWith("unix:");
    var group = unix ? new EpollEventLoopGroup(1) : null;
    var builder = unix
        ? NettyChannelBuilder.forAddress(new DomainSocketAddress(c[2].substring(5))).eventLoopGroup(group)
            .channelType(EpollDomainSocketChannel.class).overrideAuthority("localhost")
        : NettyChannelBuilder.forTarget(c[2]);
    if (c[5].equals("-")) builder.usePlaintext();
    else builder.sslContext(GrpcSslContexts.forClient().trustManager(new File(c[5])).build());
    ManagedChannel channel = builder.build();
    var bytes = new Bytes();
    var method = MethodDescriptor.<byte[], byte[]>newBuilder(bytes, bytes)
        .setType(MethodDescriptor.MethodType.UNARY).setFullMethodName(c[3]).build();
    try {
      byte[] answer = ClientCalls.blockingUnaryCall(channel, method,
          CallOptions.DEFAULT.withDeadlineAfter(20, TimeUnit.SECONDS), HexFormat.of().parseHex(c[4]));
      say("{\"case\":\"" + c[0] + "\",\"answer\":\"" + HexFormat.of().formatHex(answer) + "\"}");
    } catch (StatusRuntimeException e) {
      say("{\"case\":\"" + c[0] + "\",\"code\":\"" + e.getStatus().getCode() + "\"}");
    }
    channel.shutdownNow();
  }

  static final class Bytes implements MethodDescriptor.Marshaller<byte[]> {
    public java.io.InputStream stream(byte[] value) {
      return new java.io.ByteArrayInputStream(value);
    }

    public byte[] parse(java.io.InputStream stream) {
      try {
        return stream.readAllBytes();
      } catch (java.io.IOException e) {
        throw new java.io.UncheckedIOException(e);
      }
    }
  }

  static void serve(String cert, String key, String socket) throws Exception {
    var service = new Collector();
    var plain = NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0));
    var tls = NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0))
        .useTransportSecurity(new File(cert), new File(key));
    var ipv6 = NettyServerBuilder.forAddress(new InetSocketAddress("::1", 0));
    var unix = NettyServerBuilder.forAddress(new DomainSocketAddress(socket)).bossEventLoopGroup(new EpollEventLoopGroup(1))
        .workerEventLoopGroup(new EpollEventLoopGroup(1)).channelType(EpollServerDomainSocketChannel.class);
    var ports = new ArrayList<Integer>();
    for (var builder : List.of(plain, tls, ipv6, unix)) {
      ports.add(builder.addService(service).intercept(new Keep()).build().start().getPort());
    }
    say(String.format("{\"ports\":{\"plain\":%d,\"tls\":%d,\"ipv6\":%d}}", ports.get(0), ports.get(1), ports.get(2)));
    System.in.readAllBytes();
  }

  static final class Keep implements ServerInterceptor {
    public <A, B> ServerCall.Listener<A> interceptCall(ServerCall<A, B> call, Metadata headers, ServerCallHandler<A, B> next) {
      return Contexts.interceptCall(Context.current().withValue(METADATA, headers), call, headers, next);
    }
  }

  /** Answers as the metadata `x-answer` asks for; each request is a line. */
  static final class Collector extends TraceServiceGrpc.TraceServiceImplBase {
    final Set<String> refused = ConcurrentHashMap.newKeySet();

    @Override
    public void export(ExportTraceServiceRequest request, StreamObserver<ExportTraceServiceResponse> out) {
      String name = METADATA.get().get(CASE);
      String answer = String.valueOf(METADATA.get().get(ANSWER));
      var spans = new StringJoiner(",");
      for (var resource : request.getResourceSpansList())
        for (var scope : resource.getScopeSpansList())
          for (var span : scope.getSpansList())
            spans.add("[\"" + hex(span.getTraceId()) + "\",\"" + hex(span.getSpanId()) + "\",\"" + span.getName() + "\"]");
      say("{\"case\":\"" + name + "\",\"spans\":[" + spans + "]}");
      if (answer.equals("retry") && refused.add(name)) {
        out.onError(Status.UNAVAILABLE.withDescription("come again").asRuntimeException());
      } else if (answer.equals("invalid")) {
        out.onError(Status.INVALID_ARGUMENT.withDescription("not this").asRuntimeException());
      } else {
        var response = ExportTraceServiceResponse.newBuilder();
        if (answer.equals("partial")) {
          response.getPartialSuccessBuilder().setRejectedSpans(1).setErrorMessage("one too many");
        }
        out.onNext(response.build());
        out.onCompleted();
      }
    }

    static String hex(ByteString bytes) {
      return HexFormat.of().formatHex(bytes.toByteArray());
    }
  }
}
