// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Observability
import Testing

struct TraceContextTests {
    private static let trace = "0af7651916cd43dd8448eb211c80319c"
    private static let span = "b7ad6b7169203331"

    @Test(arguments: [
        ("00-\(trace)-\(span)-01", true), ("00-\(trace)-\(span)-00", false), ("00-\(trace)-\(span)-ff", true),
        ("00-\(trace)-\(span)-02", false), ("cc-\(trace)-\(span)-01", true),
        ("01-\(trace)-\(span)-01-what-comes-later", true),
    ])
    func readsWhatIsWellFormed(_ field: String, _ isSampled: Bool) throws {
        let context = try #require(TraceContext(traceparent: field))
        #expect(context.isSampled == isSampled)
        #expect(context.traceID.description == Self.trace && context.spanID.description == Self.span)
        #expect(context.traceparent == "00-\(Self.trace)-\(Self.span)-0\(isSampled ? 1 : 0)")
    }

    @Test(arguments: [
        "", "00", "00-\(trace)-\(span)-1", "00-\(trace)-\(span)-011", "00-\(trace)-\(span)-01-x",
        "ff-\(trace)-\(span)-01", "0-\(trace)-\(span)-01", "00-\(trace.uppercased())-\(span)-01",
        "00-00000000000000000000000000000000-\(span)-01", "00-\(trace)-0000000000000000-01",
        "00-\(trace)-\(span)-0g", "00_\(trace)_\(span)_01", " 00-\(trace)-\(span)-01",
        "00-\(trace)-\(span)-01,00-\(trace)-\(span)-01", "01-\(trace)-\(span)-01.later",
        "00-\(trace)-\(span.dropLast())\u{e9}-01", "é0-\(trace)-\(span)-01",
    ])
    func refusesWhatIsNot(_ field: String) {
        #expect(TraceContext(traceparent: field) == nil)
    }

    @Test(arguments: [
        ("a=1", "a=1"), (" a=1 ,\tb=2", "a=1,b=2"), ("a=1,,b=2,", "a=1,b=2"), ("t1@v=x y", "t1@v=x y"),
        ("1t@v=x", "1t@v=x"), ("a_-*/z=!", "a_-*/z=!"),
        ("", ""), ("a", ""), ("A=1", ""), ("a=1,a=2", ""), ("a=1,b", ""), ("a=b=c", ""), ("1a=1", ""), ("a@=1", ""),
        ("a@b@c=1", ""), ("a=é", ""), ("a=\u{7f}", ""), ("a=", ""),
        (String(repeating: "k", count: 257) + "=1", ""), ("a=" + String(repeating: "v", count: 511), ""),
        ((0..<33).map { "k\($0)=1" }.joined(separator: ","), ""),
    ])
    func passesStateOnOrNotAtAll(_ field: String, _ text: String) {
        #expect(TraceState(parsing: field).text == text)
    }
}
