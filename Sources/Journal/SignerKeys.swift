// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Content
package import Cryptography
package import Transparency

/// The key files of a signer: `log-key.pem`, while one key follows another `log-key.next.pem`, and in `retired-keys`,
/// one a line, the public halves of those that signed before.
package struct SignerKeys: Sendable {
    private let directory: String
    private let files: DurableFiles

    package init(directory: String, files: DurableFiles = DurableFiles()) {
        self.directory = directory
        self.files = files
    }

    package var path: String { directory + "/log-key.pem" }
    package var nextPath: String { directory + "/log-key.next.pem" }

    var witnessPath: String { directory + "/witness-key.pem" }

    /// The key that says what of other regions' logs is here. Blocks.
    package func regionCosigner(name: KeyName, passphrase: [UInt8]?) throws -> Cosigner {
        try Cosigner(name: name, key: existingOrNew(directory + "/region-key.pem", passphrase: passphrase))
    }

    /// The key of a file, which is made where there is none.
    func existingOrNew(_ path: String, passphrase: [UInt8]?) throws -> SigningKey {
        if let bytes = try files.readSecretIfPresent(path, limit: JournalLimits.keyFileBytes) {
            return try SigningKey(pem: String(decoding: bytes, as: UTF8.self), passphrase: passphrase)
        }
        let key = try SigningKey.generate()
        try files.replace(path, with: Array(key.pem(passphrase: passphrase).utf8), mode: 0o600)
        return key
    }

    /// Takes the witness's key out of use, where there is one: what it has cosigned is no longer known, and under its
    /// name nothing that contradicts it must ever be. Durable on return.
    ///
    /// - Returns: Where it is now.
    func retireWitness() throws -> String? {
        guard isFile(witnessPath) else { return nil }
        var number = 1
        while isFile("\(witnessPath).former-\(number)") { number += 1 }
        try files.renameIfPresent(witnessPath, to: "\(witnessPath).former-\(number)")
        try files.syncDirectory(directory)
        return "\(witnessPath).former-\(number)"
    }

    package var exists: Bool { isFile(path) }
    package var isRotating: Bool { isFile(nextPath) }

    private func isFile(_ path: String) -> Bool {
        do { return try files.filesystem.statusOfPath(path).kind != .directory } catch { return false }
    }

    /// Makes the key, durably.
    package func generate(passphrase: [UInt8]?) throws {
        let pem = try SigningKey.generate().pem(passphrase: passphrase)
        try files.replace(path, with: Array(pem.utf8), mode: 0o600)
    }

    /// Makes the key that is to follow the current one.
    ///
    /// - Throws: `.keyMissing` where there is none to follow, `.invalidKey` where one follows already.
    package func generateNext(passphrase: [UInt8]?) throws {
        guard exists else { throw JournalError(.keyMissing, "\(path) is not there: start the server once") }
        guard !isRotating else {
            throw JournalError(.invalidKey, "\(nextPath) is there already: retire the old key first")
        }
        let pem = try SigningKey.generate().pem(passphrase: passphrase)
        try files.replace(nextPath, with: Array(pem.utf8), mode: 0o600)
    }

    /// Puts the next key in the place of the current one, whose public half is kept for what it signed.
    ///
    /// - Throws: `.keyMissing` where no key follows.
    package func retire(origin: String, passphrase: [UInt8]?) throws {
        let keys = try read(passphrase: passphrase)
        guard keys.count == 2 else {
            throw JournalError(.keyMissing, "\(nextPath) is not there: cairn key rotate makes it")
        }
        let old = try NoteVerifier(name: KeyName(parsing: origin), key: keys[0].verificationKey)
        let known = try retired()
        try files.replace(
            retiredPath,
            with: Array((known + [old]).map { "\($0)\n" }.joined().utf8),
            mode: 0o600
        )
        try files.filesystem.rename(nextPath, path)
        try files.syncDirectory(directory)
    }

    /// The name of the log that was signed last; nil where nothing was.
    package func origin() throws -> String? { try lastCheckpoint()?.origin.description }

    /// What the signer signed last, unverified; nil where nothing was.
    func lastCheckpoint() throws -> Checkpoint? {
        let bytes = try files.readIfPresent(directory + "/checkpoint", limit: JournalLimits.keyFileBytes)
        return try bytes.map { try Checkpoint(SignedNote(parsing: $0)) }
    }

    /// The name that the log has to have, where it was continued under a new one.
    func continuedAs() throws -> String? {
        let bytes = try files.readIfPresent(directory + "/origin", limit: JournalLimits.keyFileBytes)
        return bytes.map { String(decoding: $0, as: UTF8.self).split(separator: "\n").first.map(String.init) ?? "" }
    }

    private var retiredPath: String { directory + "/retired-keys" }

    /// Keys that no longer sign.
    func retired() throws -> [NoteVerifier] {
        let bytes = try files.readIfPresent(retiredPath, limit: JournalLimits.keyFileBytes) ?? []
        return try String(decoding: bytes, as: UTF8.self).split(separator: "\n").map { try NoteVerifier(parsing: $0) }
    }

    /// The current key, then the next one.
    ///
    /// - Throws: `.invalidKey`, which names the file.
    package func read(passphrase: [UInt8]?) throws -> [SigningKey] {
        try [path, nextPath].compactMap { (path: String) throws -> SigningKey? in
            guard let bytes = try files.readSecretIfPresent(path, limit: JournalLimits.keyFileBytes) else { return nil }
            do {
                return try SigningKey(pem: String(decoding: bytes, as: UTF8.self), passphrase: passphrase)
            } catch {
                throw JournalError(.invalidKey, "\(path): \(error)")
            }
        }
    }
}
