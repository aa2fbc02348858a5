// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Testing

@Suite struct JSONWriterTests {
    @Test func writesDocuments() {
        var json = JSONWriter()
        json.object { json in
            json.key("errors")
            json.array { json in
                json.object { json in
                    json.key("code")
                    json.string("NAME_INVALID")
                    json.key("detail")
                    json.object { _ in }
                }
                json.array { _ in }
                json.integer(-5)
                json.integer(Int64.min)
                json.integer(Int64.max)
                json.integer(0)
                json.integer(1_203)
                json.bool(true)
                json.bool(false)
                json.null()
                json.raw(#"{"a":1}"#)
                json.raw(Array("[2]".utf8))
                json.string("")
            }
            json.key("last")
            json.integer(1)
        }
        let expected = ##"""
            {"errors":[{"code":"NAME_INVALID","detail":{}},[],-5,-9223372036854775808,9223372036854775807,0,1203,\##
            true,false,null,{"a":1},[2],""],"last":1}
            """##
        #expect(json.text == expected)
        #expect(json.bytes == Array(expected.utf8))
    }

    @Test(arguments: [
        ("", #""""#), ("a", #""a""#), ("\"", #""\"""#), ("\\", #""\\""#), ("/", #""/""#),
        ("\n\r\t\u{8}\u{C}", #""\n\r\t\b\f""#),
        ("\0", #""\u0000""#), ("\u{1F}", #""\u001f""#), ("\u{1B}[0m", #""\u001b[0m""#), ("é🐳", #""é🐳""#),
        ("\u{7F}", "\"\u{7F}\""),
        ("</script>", #""</script>""#), ("\",\"admin\":\"true", #""\",\"admin\":\"true""#),
        ("\u{2028}", "\"\u{2028}\""),
        ("a\\\"b\nc", #""a\\\"b\nc""#),
    ])
    func escapes(_ text: String, _ expected: String) throws {
        var json = JSONWriter()
        json.string(text)
        #expect(json.text == expected)
        #expect(try JSONValue(parsing: json.bytes) == .string(text))
    }

    /// Whatever a string or key holds, the strict reader gets it back and nothing else.
    @Test func isReadBackByTheReader() throws {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<2_000 {
            let texts = (0..<3).map { _ in
                String(
                    String.UnicodeScalarView(
                        (0..<Int.random(in: 0...12, using: &random)).compactMap { _ in
                            Unicode.Scalar(
                                UInt32.random(in: 0...(Bool.random(using: &random) ? 0x7F : 0x10FFFF), using: &random)
                            )
                        }
                    )
                )
            }
            let number = Int64(truncatingIfNeeded: random.next())
            var json = JSONWriter(reservingCapacity: 64)
            json.object { json in
                json.key("k" + texts[0])
                json.array { json in for text in texts { json.string(text) } }
                json.key("n")
                json.integer(number)
            }
            let expected = JSONValue.object([
                JSONMember(key: "k" + texts[0], value: .array(texts.map { .string($0) })),
                JSONMember(key: "n", value: .integer(number)),
            ])
            #expect(try JSONValue(parsing: json.bytes) == expected)
        }
    }

    @Test func passesErrorsOn() {
        struct Refusal: Error {}
        #expect(throws: Refusal.self) {
            var json = JSONWriter()
            try json.object { json in
                json.key("a")
                throw Refusal()
            }
        }
    }
}
