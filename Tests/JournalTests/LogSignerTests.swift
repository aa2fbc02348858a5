// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import Journal
import TestSupport
import Testing
import Transparency

/// The signer's own memory: it holds whatever the log around it believes.
@Suite struct LogSignerTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func open() throws -> LogSigner {
        try LogSigner.open(
            directory: directory.path + "/signer",
            origin: "registry.example/log",
            mayCreate: true,
            passphrase: nil,
            files: DurableFiles()
        )
    }

    private static func root(_ number: UInt8) throws -> TreeHash {
        try #require(TreeHash(bytes: [UInt8](repeating: number, count: 32)))
    }

    private func code(of signer: LogSigner, size: Int64, root: UInt8) throws -> JournalError.Code? {
        let checkpoint = try signer.checkpoint(size: size, root: Self.root(root))
        do {
            _ = try signer.sign(checkpoint)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func neverSignsASmallerTreeNorAnotherOfItsSize() throws {
        for _ in 0..<2 {
            // The second time with what the first one wrote down.
            let signer = try open()
            #expect(try code(of: signer, size: 5, root: 1) == nil)
            #expect(try code(of: signer, size: 5, root: 1) == nil, "the same tree is signed again")
            #expect(try code(of: signer, size: 5, root: 2) == .forked)
            #expect(try code(of: signer, size: 4, root: 1) == .rolledBack)
            #expect(try code(of: signer, size: 5, root: 1) == nil)
            signer.close()
        }
        let signer = try open()
        #expect(try code(of: signer, size: 6, root: 2) == nil)
        #expect(try code(of: signer, size: 5, root: 1) == .rolledBack)
        signer.close()
    }

    @Test func oneProcessSigns() throws {
        let signer = try open()
        #expect(throws: JournalError.self) { try open() }
        signer.close()
        try open().close()
    }

    /// A tree that cannot be written down is not signed.
    @Test func writesDownBeforeItSigns() throws {
        let disk = FailingDisk()
        let path = directory.path + "/signer"
        let signer = try LogSigner.open(
            directory: path,
            origin: "registry.example/log",
            mayCreate: true,
            passphrase: nil,
            files: DurableFiles(disk.filesystem)
        )
        disk.fail(at: 0)
        #expect(try code(of: signer, size: 3, root: 1) == .storage)
        disk.fail(at: .max)
        #expect(try code(of: signer, size: 3, root: 2) == nil, "nothing of that size has left")
        signer.close()
    }
}
