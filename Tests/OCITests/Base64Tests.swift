// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Testing

@Suite struct Base64Tests {
    /// The vectors of RFC 4648, section 10.
    @Test(
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ]
    )
    func publishedVectors(text: String, encoded: String) {
        #expect(Base64.encode(Array(text.utf8)) == encoded)
        #expect(Base64.decode(encoded) == Array(text.utf8))
        #expect(Base64.decodeEitherAlphabet(encoded) == Array(text.utf8))
    }

    @Test func everyByteComesBack() {
        var random = SeededGenerator(seed: 6)
        for count in 0..<200 {
            let bytes = random.bytes(count)
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
        }
    }

    @Test func alphabets() {
        let bytes: [UInt8] = [0xFB, 0xFF, 0xFE, 0xFB]
        #expect(Base64.encode(bytes) == "+//++w==")
        #expect(Base64.decode("-__--w==") == nil)
        for text in ["+//++w==", "-__--w==", "-__--w"] {
            #expect(Base64.decodeEitherAlphabet(text) == bytes, "\(text)")
        }
        // The two mixed; padding cut in half; bits after the end; white space; a length that nothing has.
        for text in ["+__--w==", "-__--w=", "-__--x==", "-__- -w=", "-__--", "\n-__--w=="] {
            #expect(Base64.decodeEitherAlphabet(text) == nil, "\(text)")
        }
    }
}
