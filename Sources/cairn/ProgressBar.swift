// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import RegistryClient

/// Shows how far something is on standard error: a bar on a terminal, elsewhere a JSON object on a line of its own, or
/// what the option asks for.
struct ProgressBar: Sendable {
    let mode: ProgressOptions.Mode
    private let write: @Sendable (String) -> Void

    /// A mode of nil is a bar on a terminal and JSON elsewhere.
    init(
        mode: ProgressOptions.Mode?,
        isTerminal: Bool = FileHandle.standardError.isTerminal,
        write: @escaping @Sendable (String) -> Void = {
            FileHandle.standardError.write(Data(InertText.bytes(of: $0)))
        }
    ) {
        self.mode = mode ?? (isTerminal ? .bar : .json)
        self.write = write
    }

    /// - Parameters:
    ///   - share: From 0 to 1.
    ///   - text: The same for people.
    ///   - json: The same for programs, an object on one line.
    ///   - isLast: Whether nothing more follows.
    func show(_ share: Double, text: String, json: String, isLast: Bool) {
        switch mode {
        case .none: return
        case .bar: write(ProgressDisplay.bar(share, text, isLast: isLast))
        case .plain: write(text + "\n")
        case .json: write(json + "\n")
        }
    }
}
