// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Work on many things, a few at a time.
enum Parallel {
    /// Calls a closure for each element, at most `width` at once. After the first failure no further ones are begun,
    /// and those under way are cancelled and waited for.
    ///
    /// - Throws: What the first one that failed throws.
    static func forEach<Element: Sendable>(
        _ elements: [Element],
        width: Int,
        _ work: @escaping @Sendable (Element) async throws(ClientError) -> Void
    ) async throws(ClientError) {
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                var waiting = elements.makeIterator()
                for _ in 0..<width {
                    guard let element = waiting.next() else { break }
                    group.addTask { try await work(element) }
                }
                while try await group.next() != nil {
                    guard let element = waiting.next() else { continue }
                    group.addTask { try await work(element) }
                }
            }
        } catch {
            throw error as? ClientError ?? ClientError.cancelled
        }
    }
}
