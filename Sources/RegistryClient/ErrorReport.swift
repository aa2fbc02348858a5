// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import OCI

/// The first error of a body in the form of the distribution specification ("Error Codes").
struct ErrorReport: Hashable, Sendable {
    private let code: String
    private let message: String
    private let detail: JSONValue?

    /// - Returns: nil for a body of another form.
    init?(parsing body: [UInt8]) {
        guard let first = (try? JSONValue(parsing: body))?["errors"]?.elements?.first else { return nil }
        code = first["code"]?.text ?? ""
        message = first["message"]?.text ?? ""
        detail = first["detail"]
    }

    /// What is unmet of the registry's trust policy, each with its reason; nil where that is not what the error is
    /// about.
    private var reasons: [String]? { detail?["reasons"]?.elements.map { $0.compactMap(\.text) } }

    /// Whether trust policy or a quarantine keeps the image back, and not the rights of whoever asks.
    var isPolicy: Bool { code == "DENIED" && (reasons != nil || detail?["quarantined"]?.text != nil) }

    /// What is to be added to a message, safe to show: code, message, and the reasons or the rest of the detail.
    var text: String {
        var text = code.isEmpty ? "" : " \(ParsingError.quotable(code))"
        if !message.isEmpty { text += ": \(ShownText.line(message))" }
        if isPolicy, let reasons {
            text += reasons.prefix(ClientLimits.shownReasons).map { "\n  not met: \(ShownText.line($0))" }.joined()
            if reasons.count > ClientLimits.shownReasons {
                text += "\n  and \(reasons.count - ClientLimits.shownReasons) more"
            }
        } else if isPolicy, let cause = detail?["quarantined"]?.text {
            text += "\n  in quarantine: \(ShownText.line(cause))"
        } else if let detail {
            text += " (\(ShownText.line(JSONWriter.text(of: detail))))"
        }
        return text
    }
}
