// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Glibc

/// How log lines look.
package enum LogFormat: Hashable, Sendable {
    /// One JSON object a line, for collectors.
    case json
    /// For a person who watches a terminal.
    case human(colour: Bool)

    /// What suits a descriptor: a terminal is read by a person, in colour unless `NO_COLOR` is set (no-color.org) or
    /// the terminal is a dumb one; everything else is read by a program.
    package static func detected(descriptor: Int32 = STDERR_FILENO) -> LogFormat {
        detected(isTerminal: isatty(descriptor) == 1, noColour: variable("NO_COLOR"), terminal: variable("TERM"))
    }

    /// The choice itself, for what the system says.
    package static func detected(isTerminal: Bool, noColour: String?, terminal: String?) -> LogFormat {
        guard isTerminal else { return .json }
        return .human(colour: (noColour ?? "").isEmpty && terminal != "dumb" && terminal != nil)
    }

    private static func variable(_ name: String) -> String? {
        // The value is copied at once; the program does not change its environment once threads run.
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }
}
