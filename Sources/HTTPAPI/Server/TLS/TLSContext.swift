// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import NIOCore
import NIOSSL
import Observability
import Synchronization

/// The certificate, key and client CA that new connections are made with; replaced whole while the server runs.
///
/// TLS 1.2 and later, ciphers with forward secrecy and authentication only. A connection keeps what it began with.
package final class TLSContext: Sendable {
    /// Files that were read and found right, not in use yet.
    package struct Prepared: Sendable {
        fileprivate let state: State
    }

    fileprivate struct State {
        var settings: TLSSettings
        var context: NIOSSLContext
        var stamps: [StampedFile.Stamp]
        /// The files of the last attempt that failed on what was in them.
        var refused: [StampedFile.Stamp]?
    }

    /// How long the client's closing alert is waited for after the server's.
    private static let shutdownTimeout = TimeAmount.seconds(3)

    /// Seconds since 1970.
    let now: @Sendable () -> Int64
    private let state: Mutex<State>

    /// Loads the files. Blocks on them, so not on an event loop.
    ///
    /// `now` gives seconds since 1970, by which certificates are judged.
    ///
    /// - Throws: A `TLSError` that names the file: it cannot be read, is no PEM, the certificate is not valid now, or
    ///   the key is another certificate's.
    package init(_ settings: TLSSettings, now: @escaping @Sendable () -> Int64) throws(TLSError) {
        self.now = now
        let files = try Self.read(settings)
        let context = try Self.context(of: files, now: now())
        state = Mutex(State(settings: settings, context: context, stamps: files.stamps))
    }

    package var settings: TLSSettings { state.withLock { $0.settings } }

    /// What the next connection is to use.
    var current: NIOSSLContext { state.withLock { $0.context } }

    /// Loads the files of other settings, without using them yet. Blocks on the files.
    ///
    /// - Throws: `TLSError`, as `init`.
    package func prepare(_ settings: TLSSettings) throws(TLSError) -> Prepared {
        let files = try Self.read(settings)
        let context = try Self.context(of: files, now: now())
        return Prepared(state: State(settings: settings, context: context, stamps: files.stamps))
    }

    /// Uses what was prepared for connections to come.
    package func use(_ prepared: Prepared) {
        state.withLock { $0 = prepared.state }
    }

    /// Loads the files again for connections to come. Where that fails, everything stays as it was. Blocks on the
    /// files.
    ///
    /// - Throws: `TLSError`, as `init`.
    package func reload() throws(TLSError) {
        let settings = settings
        let files = try Self.read(settings)
        let context: NIOSSLContext
        do {
            context = try Self.context(of: files, now: now())
        } catch {
            state.withLock { $0.refused = files.stamps }
            throw error
        }
        state.withLock { $0 = State(settings: settings, context: context, stamps: files.stamps) }
    }

    /// Loads the files again where one of them is another than before, by its time, size or inode. Files that were
    /// refused are not tried again before they change, so that one mistake is reported once.
    ///
    /// - Returns: Whether there was something new to load.
    /// - Throws: `TLSError`, as `init`.
    package func reloadIfChanged() throws(TLSError) -> Bool {
        // A file that is gone, or not there yet, is left for the attempt to complain of.
        let stamps = settings.files.compactMap { StampedFile.stamp(of: $0) }
        let (loaded, refused) = state.withLock { ($0.stamps, $0.refused) }
        if stamps == loaded || stamps == refused { return false }
        try reload()
        return true
    }

    private struct Files {
        let certificate: StampedFile
        let key: StampedFile
        let clientCA: StampedFile?

        var stamps: [StampedFile.Stamp] { [certificate.stamp, key.stamp] + (clientCA.map { [$0.stamp] } ?? []) }
    }

    private static func read(_ settings: TLSSettings) throws(TLSError) -> Files {
        var clientCA: StampedFile?
        if let path = settings.clientCA { clientCA = try StampedFile(reading: path) }
        return Files(
            certificate: try StampedFile(reading: settings.certificate),
            key: try StampedFile(reading: settings.key),
            clientCA: clientCA
        )
    }

    private static func context(of files: Files, now: Int64) throws(TLSError) -> NIOSSLContext {
        let chain = try certificates(in: files.certificate)
        try checkDates(of: chain[0], in: files.certificate.path, now: now)
        let key = try privateKey(in: files.key)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(key)
        )
        configuration.minimumTLSVersion = .tlsv12
        configuration.cipherSuites = "ECDH+AESGCM:ECDH+CHACHA20"
        configuration.applicationProtocols = ["h2", "http/1.1"]
        configuration.shutdownTimeout = shutdownTimeout
        if let clientCA = files.clientCA {
            configuration.trustRoots = .certificates(try certificates(in: clientCA))
            configuration.certificateVerification = .optionalVerification
        }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch NIOSSLError.failedToLoadPrivateKey {
            throw TLSError(
                file: files.key.path,
                reason: "is not the key of the first certificate in \(files.certificate.path)"
            )
        } catch {
            throw TLSError(file: files.certificate.path, reason: "cannot be served with: \(error)")
        }
    }

    /// At least one.
    private static func certificates(in file: StampedFile) throws(TLSError) -> [NIOSSLCertificate] {
        guard let certificates = try? NIOSSLCertificate.fromPEMBytes(file.bytes), !certificates.isEmpty else {
            throw TLSError(file: file.path, reason: "does not consist of whole certificates in PEM")
        }
        return certificates
    }

    private static func privateKey(in file: StampedFile) throws(TLSError) -> NIOSSLPrivateKey {
        let text = String(decoding: file.bytes, as: UTF8.self)
        guard !text.contains("ENCRYPTED") else {
            throw TLSError(file: file.path, reason: "is an encrypted key; a server needs it without a passphrase")
        }
        guard !file.bytes.isEmpty, let key = try? NIOSSLPrivateKey(bytes: file.bytes, format: .pem) else {
            throw TLSError(file: file.path, reason: "does not hold a whole private key in PEM")
        }
        return key
    }

    private static func checkDates(of certificate: NIOSSLCertificate, in path: String, now: Int64) throws(TLSError) {
        if Int64(certificate.notValidAfter) <= now {
            let end = Timestamp(seconds: Int64(certificate.notValidAfter))
            throw TLSError(file: path, reason: "the certificate has expired at \(end)")
        }
        if Int64(certificate.notValidBefore) > now {
            let start = Timestamp(seconds: Int64(certificate.notValidBefore))
            throw TLSError(file: path, reason: "the certificate is not valid before \(start)")
        }
    }
}
