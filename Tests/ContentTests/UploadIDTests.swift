// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import OCI
import Testing

@Suite("Upload ids")
struct UploadIDTests {
    @Test("the canonical spelling parses and prints the same")
    func canonical() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            let id = UploadID.random(using: &generator)
            let text = id.description
            #expect(text.utf8.count == 36)
            #expect(text.dropFirst(14).first == "4")
            #expect(try UploadID(parsing: text) == id)
            #expect(UploadID(text) == id)
        }
        #expect(UploadID("00112233-4455-6677-8899-aabbccddeeff")?.description == "00112233-4455-6677-8899-aabbccddeeff")
    }

    @Test(
        "anything else is refused",
        arguments: [
            "", "0", "..", "../../../../etc/passwd", "00112233-4455-6677-8899-AABBCCDDEEFF",
            "00112233445566778899aabbccddeeff", "00112233-4455-6677-8899-aabbccddeef",
            "00112233-4455-6677-8899-aabbccddeeff0",
            "00112233-4455-6677-8899-aabbccddeefg", "00112233-4455-6677-8899_aabbccddeeff",
            "0011223-34455-6677-8899-aabbccddeeff", "{0112233-4455-6677-8899-aabbccddeef}",
            "00112233-4455-6677-8899-aabbccddee\0f", "00112233-4455-6677-8899-aabbccddee/f",
            " 0112233-4455-6677-8899-aabbccddeeff", "00112233-4455-6677-8899-aabbccddeeﬀ",
            String(repeating: "0", count: 100_000),
        ]
    )
    func hostile(text: String) {
        #expect(UploadID(text) == nil)
        #expect(throws: ParsingError.self) { try UploadID(parsing: text) }
    }

    @Test("names of uploads and blobs stay inside their directories")
    func paths() async throws {
        try await TestStore.with { test in
            let layout = test.store.layout
            let digest = try Digest(parsing: "sha256:" + String(repeating: "ab", count: 32))
            let id = try UploadID(parsing: "00112233-4455-6677-8899-aabbccddeeff")
            #expect(layout.blob(digest) == layout.root + "/blobs/sha256/" + digest.hex)
            #expect(layout.upload(id) == layout.root + "/uploads/00112233-4455-6677-8899-aabbccddeeff")
            #expect(layout.quarantined(digest, 3) == layout.root + "/quarantine/" + digest.hex + ".3")
            #expect(layout.root.hasPrefix("/"))
            #expect(layout.database == layout.root + "/meta/registry.db")
        }
    }
}
