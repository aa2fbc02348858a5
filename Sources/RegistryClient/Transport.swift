// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import OCI

/// Sends requests over HTTP/1.1, one attempt each, without following redirects, and bounds the time of every step.
package final class Transport: Sendable {
    /// How long a step may take.
    package struct Timeouts: Hashable, Sendable {
        /// Milliseconds until there is a connection, TLS included.
        package var connect: Int64 = 10_000
        /// Milliseconds from the request to the head of the answer.
        package var answer: Int64 = 60_000
        /// Milliseconds without a byte of an answer.
        package var idle: Int64 = 30_000
        /// Milliseconds over which `bytesPerWindow` must come; slower bodies are given up.
        package var window: Int64 = 30_000
        package var bytesPerWindow: Int = 64 * 1024

        package init() {}
    }

    /// What proves who asks, by TLS: PEM files.
    package struct ClientCertificate: Sendable, Hashable {
        package let chainFile: String
        package let keyFile: String

        package init(chainFile: String, keyFile: String) {
            self.chainFile = chainFile
            self.keyFile = keyFile
        }
    }

    package struct Options: Sendable {
        /// A PEM file of authorities that are trusted beside those of the system.
        package var caFile: String?
        package var certificate: ClientCertificate?
        package var timeouts = Timeouts()
        /// Nanoseconds of a clock that only goes forward.
        package var now: @Sendable () -> UInt64 = { NIODeadline.now().uptimeNanoseconds }
        /// Lets time pass between attempts.
        package var pause: @Sendable (_ milliseconds: Int) async throws -> Void = { milliseconds in
            try await Task.sleep(for: .milliseconds(milliseconds))
        }
        /// A number below the bound, to spread attempts.
        package var random: @Sendable (_ bound: Int) -> Int = { Int.random(in: 0..<$0) }

        package init() {}
    }

    /// One request.
    struct Request: Sendable {
        var method: HTTPMethod
        var address: WebAddress
        var headers: [(String, String)] = []
        var body: ByteBuffer?
    }

    package let options: Options
    private let client: HTTPClient

    private init(_ options: Options, _ client: HTTPClient) {
        self.options = options
        self.client = client
    }

    /// Lends a transport, and closes its connections afterwards.
    ///
    /// - Throws: What the closure throws, or `.usage` where the authorities cannot be read.
    package static func with<Result: Sendable>(
        _ options: Options = Options(),
        _ body: @Sendable (Transport) async throws(ClientError) -> Result
    ) async throws(ClientError) -> Result {
        let transport = try open(options)
        do {
            let result = try await body(transport)
            await transport.close()
            return result
        } catch {
            await transport.close()
            throw error
        }
    }

    /// One that whoever asked for it closes.
    ///
    /// - Throws: `.usage` where the authorities cannot be read.
    package static func open(_ options: Options = Options()) throws(ClientError) -> Transport {
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: try configuration(options))
        return Transport(options, client)
    }

    package func close() async { try? await client.shutdown() }

    private static func configuration(_ options: Options) throws(ClientError) -> HTTPClient.Configuration {
        var tls = TLSConfiguration.makeClientConfiguration()
        if let file = options.caFile {
            guard let certificates = try? NIOSSLCertificate.fromPEMFile(file), !certificates.isEmpty else {
                throw ClientError(.usage, "\(file) holds no certificates in PEM")
            }
            tls.additionalTrustRoots = [.certificates(certificates)]
        }
        if let certificate = options.certificate {
            guard let chain = try? NIOSSLCertificate.fromPEMFile(certificate.chainFile), !chain.isEmpty else {
                throw ClientError(.usage, "\(certificate.chainFile) holds no certificates in PEM")
            }
            guard let key = try? NIOSSLPrivateKey(file: certificate.keyFile, format: .pem) else {
                throw ClientError(.usage, "\(certificate.keyFile) holds no private key in PEM")
            }
            tls.certificateChain = chain.map { .certificate($0) }
            tls.privateKey = .privateKey(key)
        }
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls,
            redirectConfiguration: .disallow,
            timeout: .init(
                connect: .milliseconds(options.timeouts.connect),
                read: .milliseconds(options.timeouts.idle)
            )
        )
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit =
            ClientLimits.parallelBlobs * (ClientLimits.piecesAhead + 1)
        return configuration
    }

    /// Sends a request and answers with the head of the response; its body is still to be read.
    ///
    /// - Throws: `.network`.
    func send(_ request: Request) async throws(ClientError) -> Answer {
        var message = HTTPClientRequest(url: request.address.description)
        message.method = request.method
        message.headers = HTTPHeaders(request.headers)
        message.headers.replaceOrAdd(name: "User-Agent", value: "cairn")
        message.body = request.body.map { .bytes($0) }
        do {
            let response = try await client.execute(message, timeout: .milliseconds(options.timeouts.answer))
            return Answer(response, from: request.address, options)
        } catch {
            throw Self.failure(error, request.address)
        }
    }

    static func failure(_ error: any Error, _ address: WebAddress) -> ClientError {
        if let error = error as? ClientError { return error }
        if let reason = certificateFault(error) { return ClientError(.network, "\(address.origin): \(reason)") }
        let reason =
            switch error {
            case let error as HTTPClientError: error.shortDescription
            case let error as IOError: error.description
            case let error as NIOSSLError: "TLS: \(error)"
            default: "\(error)"
            }
        let isFinal = error is CancellationError || (error as? HTTPClientError) == .cancelled
        let quoted = ParsingError.quotable(reason)
        return ClientError(.network, "\(address.origin): \(quoted)", retry: isFinal ? .never : .later)
    }

    /// What is wrong with the certificate of a server; nil for other failures.
    private static func certificateFault(_ error: any Error) -> String? {
        if (error as? NIOSSLExtraError) == .failedToValidateHostname { return "its certificate is not for this host" }
        guard case .handshakeFailed? = error as? NIOSSLError, "\(error)".contains("CERTIFICATE_VERIFY_FAILED") else {
            return nil
        }
        return "its certificate is not of an authority that is trusted here (see --ca), or has expired"
    }
}
