// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Registry
import TestSupport
import Testing

/// What is attached to an image, as people are shown it.
@Suite(.timeLimit(.minutes(1))) struct AttachmentTests {
    private static let inventory = Array(#"{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","packages":[]}"#.utf8)

    private static let tooLong = "it is too long to be shown here"

    /// The bytes of a referrer with a document; the number makes another one of the same document.
    private static func referrer(to image: [UInt8], _ document: [UInt8], number: Int = 0) throws -> [UInt8] {
        try Sample.image(
            layers: [document],
            subject: image,
            artifactType: "application/spdx+json",
            annotations: ["number": "\(number)"]
        )
    }

    @Test func aDocumentThatIsTooLongDoesNotHideTheOthers() async throws {
        try await TestStore.with { store in
            let layer = Sample.bytes(64)
            let image = try Sample.image(layers: [layer])
            // Documents of 9 MiB are not read; attachments come in the order of their digests.
            let long = [UInt8](repeating: UInt8(ascii: " "), count: 9 << 20)
            for blob in [Array("{}".utf8), layer, long, Self.inventory] { try await store.push(blob) }
            let digest = try await store.put(image)
            let short = try await store.put(Self.referrer(to: image, Self.inventory))
            var number = 0
            var first = try Self.referrer(to: image, long)
            while try Sample.digest(first) > short {
                number += 1
                first = try Self.referrer(to: image, long, number: number)
            }
            let tooLong = try await store.put(first)

            let (notes, isWhole) = try await store.registry.attachments(of: digest, in: Sample.repository())
            #expect(notes.map(\.manifest) == [tooLong, short])
            #expect(notes.first?.fault == Self.tooLong)
            #expect(notes.last?.kind == .inventory && notes.last?.items == 0)
            #expect(!isWhole)
        }
    }

    @Test func documentsAreShownAsFarAsTheyFitTogether() async throws {
        try await TestStore.with { store in
            let layer = Sample.bytes(64)
            let image = try Sample.image(layers: [layer])
            let long = [UInt8](repeating: UInt8(ascii: " "), count: 5 << 20)
            for blob in [Array("{}".utf8), layer, long, Self.inventory] { try await store.push(blob) }
            let digest = try await store.put(image)
            for number in 0..<2 { try await store.put(Self.referrer(to: image, long, number: number)) }
            let short = try await store.put(Self.referrer(to: image, Self.inventory))
            let (notes, isWhole) = try await store.registry.attachments(of: digest, in: Sample.repository())
            let hidden = notes.filter { $0.fault == Self.tooLong }
            #expect(notes.count == 3 && hidden.count == 1 && !isWhole)
            let shown = notes.first { $0.manifest == short }
            #expect(shown?.kind == .inventory)
        }
    }
}
