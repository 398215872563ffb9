"""The gRPC door to the same use-cases that ``web`` opens over HTTP.

``server`` starts it beside HTTP when the setting ``grpc_listen`` names an address; its libraries come with the extra ``grpc``.

    proto_files    which message stands in which .proto file, and the text of these files
    descriptors    the same as descriptors, and the message classes made from them
    values         messages <-> the plain values that readers and answers of ``wire`` work with
    calls          one call of a method, from its bytes to its answer
    refusals       an error as gRPC tells it: code, message, google.rpc details
    probes         the health service, and reflection
    listener       the listener: its bounds, and how it starts and ends

Nothing here is decided a second time: credentials, quota, readers, use-cases and the table of codes are those of HTTP.

The rule that is easily broken: importing this package alone, or ``proto_files``, must not need grpcio. Everybody else here may.
"""
