// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A value that must not be seen: a password, a token, a key.
///
/// It cannot be printed, interpolated, dumped, mirrored or logged by accident: every textual form is `<secret>`, also
/// where it is a member of something that is printed. Only `reveal()` gives it away, which is easy to search for.
/// There is no `==`: secrets are compared in constant time by those who know how.
package struct Secret<Value: Sendable>: Sendable {
    private let value: Value

    package init(_ value: Value) {
        self.value = value
    }

    /// The value itself. What the caller does with it is the caller's to answer for.
    package func reveal() -> Value { value }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "<secret>" }
    package var debugDescription: String { "<secret>" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
