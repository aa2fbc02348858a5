// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// How `/metrics` may be written: the text format 0.0.4 of Prometheus, or OpenMetrics 1.0.
package enum ExpositionFormat: Hashable, Sendable {
    case text
    case openMetrics

    /// UTF-8 bytes of an `Accept` field that are looked at.
    static let acceptBytes = 4096

    /// Chooses by an `Accept` field (RFC 9110, section 12.5.1). OpenMetrics has to be asked for by name and to weigh
    /// no less than the text. Nothing is refused: the answer is text where the field says neither, or nothing sane.
    package init(accept: String?) {
        var text = 0.0
        var open = 0.0
        for range in (accept ?? "").cut(toUTF8Bytes: Self.acceptBytes).split(separator: ",") {
            var parts = range.split(separator: ";", omittingEmptySubsequences: false).map(Self.trimmed)[...]
            let type = parts.popFirst()?.lowercased() ?? ""
            var quality = 1.0
            var version: String?
            for part in parts {
                let pair = part.split(separator: "=", maxSplits: 1).map(Self.trimmed)
                guard pair.count == 2 else { continue }
                switch pair[0].lowercased() {
                case "q": quality = Double(pair[1]).map { min(max($0, 0), 1) } ?? 0
                case "version": version = pair[1]
                default: continue
                }
            }
            switch type {
            case "application/openmetrics-text" where version == nil || version == "1.0.0":
                open = max(open, quality)
            case "text/plain" where version == nil || version == "0.0.4": text = max(text, quality)
            case "text/*", "*/*": text = max(text, quality)
            default: continue
            }
        }
        self = open > 0 && open >= text ? .openMetrics : .text
    }

    package var contentType: String {
        switch self {
        case .text: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }

    private static func trimmed(_ text: Substring) -> String {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        let start = text.drop(while: isSpace)
        let end = start.lastIndex { !isSpace($0) }
        return end.map { String(start[...$0]).filter { $0 != "\"" } } ?? ""
    }
}
