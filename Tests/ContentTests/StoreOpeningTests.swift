// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import Foundation
import Glibc
import OCI
import Testing

@Suite("Opening a store")
struct StoreOpeningTests {
    private func write(_ text: String, to path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    @Test("a new store is an OCI image layout, and opens again as the same store")
    func new() async throws {
        let directory = try TemporaryDirectory()
        var id = ""
        try await TestStore.with(in: directory) { test in
            id = test.store.storeID
            #expect(UploadID(id) != nil)
            #expect(
                directory.files(in: "") == [
                    "BALLAST", "FORMAT", "LOCK", "blobs", "index.json", "meta", "oci-layout", "quarantine", "uploads",
                ]
            )
            #expect(directory.files(in: "blobs") == ["sha256", "sha512"])
            let text = try String(contentsOfFile: directory.path + "/FORMAT", encoding: .utf8)
            #expect(text == "{\"format\":1,\"min_reader\":1,\"features\":[\"cas\"],\"store_id\":\"\(id)\"}\n")
            let layout = try JSONSerialization.jsonObject(
                with: Data(contentsOf: URL(fileURLWithPath: directory.path + "/oci-layout"))
            )
            #expect((layout as? [String: String]) == ["imageLayoutVersion": "1.0.0"])
            let pid = try String(contentsOfFile: directory.path + "/LOCK", encoding: .utf8)
            #expect(pid == "\(getpid())\n")
        }
        try await TestStore.with(in: directory) { test in #expect(test.store.storeID == id) }
    }

    @Test("directories above the root are made; a relative path and a trailing slash do not matter")
    func deepRoot() async throws {
        let directory = try TemporaryDirectory()
        for path in ["/a/b/c", "/a/b/c/", "//a/./b//d/../c"] {
            let store = try await ContentStore.open(
                root: directory.path + path,
                options: TestStore.options(FaultPlan())
            )
            #expect(store.layout.root == directory.path + "/a/b/c")
            await store.shutdown()
        }
    }

    @Test("a second opening is refused with the pid of the first, and works after it ended")
    func lock() async throws {
        let directory = try TemporaryDirectory()
        try await TestStore.with(in: directory) { _ in
            let error = try await contentError(.locked) { _ = try await TestStore(in: directory) }
            #expect(error.description.contains("pid \(getpid())"))
        }
        try await TestStore.with(in: directory) { _ in }
    }

    private static func format(_ format: Int, _ reader: Int, features: String = "", id: String? = nil) -> String {
        "{\"format\":\(format),\"min_reader\":\(reader),\"features\":[\(features)],"
            + "\"store_id\":\"\(id ?? "00112233-4455-4677-8899-aabbccddeeff")\"}"
    }

    static let formats: [(String, ContentError.Code?)] = [
        (format(2, 1, features: "\"cas\",\"tlog\""), nil), (format(2, 2), .newerFormat),
        (format(99, 98, id: "anything"), .newerFormat), (format(0, 1), .notAStore), (format(1, 0), .notAStore),
        (format(1, 1, id: "../../x"), .notAStore), (format(1, 1, features: "7"), .notAStore),
        ("{\"format\":1}", .notAStore), ("{\"format\":\"1\"}", .notAStore), ("", .notAStore), ("[]", .notAStore),
        ("\u{0}", .notAStore), (String(repeating: "[", count: 100_000), .notAStore),
    ]

    @Test("FORMAT is judged", arguments: formats)
    func format(text: String, code: ContentError.Code?) async throws {
        let directory = try TemporaryDirectory()
        try await TestStore.with(in: directory) { _ in }
        try write(text, to: directory.path + "/FORMAT")
        if let code {
            let error = try await contentError(code) { _ = try await TestStore(in: directory) }
            if code == .newerFormat { #expect(error.reason.contains("up to format 1")) }
            let after = try String(contentsOfFile: directory.path + "/FORMAT", encoding: .utf8)
            #expect(after == text, "a refused store is left as it is")
        } else {
            try await TestStore.with(in: directory) { _ in }
        }
    }

    @Test("a directory with other things in it is refused and left alone")
    func foreignDirectory() async throws {
        let directory = try TemporaryDirectory()
        try write("x", to: directory.path + "/thesis.txt")
        let error = try await contentError(.notAStore) { _ = try await TestStore(in: directory) }
        #expect(error.reason.contains("thesis.txt"))
        #expect(directory.files(in: "") == ["thesis.txt"])
    }

    @Test("a store that lost its FORMAT is not taken for a new one")
    func lostFormat() async throws {
        let directory = try TemporaryDirectory()
        try await TestStore.with(in: directory) { test in try await test.push(sample(10)) }
        #expect(unlink(directory.path + "/FORMAT") == 0)
        try await contentError(.notAStore) { _ = try await TestStore(in: directory) }
    }

    @Test(
        "file systems that cannot keep the promise are refused, unless it is asked for",
        arguments: [
            (FilesystemType.tmpfs, "tmpfs"), (.nfs, "NFS"), (.overlay, "overlay"),
        ]
    )
    func unsafeFilesystem(type: FilesystemType, name: String) async throws {
        let directory = try TemporaryDirectory()
        let plan = FaultPlan()
        plan.setType(type)
        var options = TestStore.options(plan)
        options.unsafeFilesystem = false
        let refused = options
        let error = try await contentError(.unsafeFilesystem) {
            _ = try await ContentStore.open(root: directory.path, options: refused)
        }
        #expect(error.reason.contains(name))
        #expect(directory.files(in: "").isEmpty)
        plan.setType(.other(0xef53))
        await (try ContentStore.open(root: directory.path, options: refused)).shutdown()
        plan.setType(type)
        options.unsafeFilesystem = true
        await (try ContentStore.open(root: directory.path, options: options)).shutdown()
    }

    @Test("the kernel's numbers are recognised")
    func magic() throws {
        #expect(FilesystemType(magic: 0x6969) == .nfs)
        #expect(FilesystemType(magic: 0x794c_7630) == .overlay)
        #expect(FilesystemType(magic: 0x0102_1994) == .tmpfs)
        #expect(FilesystemType(magic: 0x8584_58f6) == .tmpfs)
        #expect(FilesystemType(magic: 0xef53) == .other(0xef53))
        #expect(FilesystemType(magic: 0x5846_5342) == .other(0x5846_5342))
        if try Filesystem.live.type("/dev/shm") != .tmpfs {
            // Some containers have another file system there; the seam above covers the refusal.
            #expect(try Filesystem.live.type("/proc") == .other(0x9fa0))
        }
    }

    @Test("parts on another device, and links in the place of directories, are refused")
    func devices() async throws {
        let directory = try TemporaryDirectory()
        try await TestStore.with(in: directory) { _ in }
        let plan = FaultPlan()
        plan.setDevice(12_345, of: directory.path + "/uploads")
        let error = try await contentError(.crossDevice) { _ = try await TestStore(in: directory, plan: plan) }
        #expect(error.value.hasSuffix("/uploads"))
        #expect(rename(directory.path + "/meta", directory.path + "/quarantine/meta") == 0)
        #expect(symlink("/tmp", directory.path + "/meta") == 0)
        try await contentError(.notAStore) { _ = try await TestStore(in: directory) }
    }

    @Test(
        "a making that breaks off at any call can be finished later",
        arguments: [
            SystemCall.mkdir, .open, .pwritev, .fsync, .rename, .flock, .ftruncate, .statvfs, .statfs, .opendir,
        ]
    )
    func interrupted(call: SystemCall) async throws {
        var broken = 0
        for skip in 0..<40 {
            let directory = try TemporaryDirectory()
            let plan = FaultPlan()
            plan.fail(call, errno: EIO, skip: skip)
            guard try await breaksOff(directory, plan) else {
                // The call did not come that often, or did not matter (BALLAST).
                if plan.count(call) <= skip { break }
                continue
            }
            broken += 1
            #expect(plan.openPaths.isEmpty, "after \(skip) calls")
            try await TestStore.with(in: directory) { test in
                let digest = try await test.push(sample(100))
                #expect(try await test.contents(digest) == sample(100))
            }
        }
        #expect(broken > 0)
    }

    private func breaksOff(_ directory: TemporaryDirectory, _ plan: FaultPlan) async throws -> Bool {
        do {
            try await TestStore.with(in: directory, plan: plan) { _ in }
            return false
        } catch let error as ContentError {
            #expect(error.code == .io)
            return true
        }
    }
}
