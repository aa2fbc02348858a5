// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A dictionary that forgets: it never holds more than its limit, and each step costs the same however full it is.
///
/// Entries lie in two halves. When the younger is full, the older is dropped whole and the younger takes its place;
/// what is used moves to the younger. So what was used among the last half of the limit is always there.
struct BoundedCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private var young: [Key: Value] = [:]
    private var old: [Key: Value] = [:]
    private let halfLimit: Int

    init(limit: Int) { halfLimit = max(1, limit / 2) }

    var count: Int { young.count + old.count }

    subscript(key: Key) -> Value? {
        mutating get {
            if let value = young[key] { return value }
            guard let value = old[key] else { return nil }
            insert(value, for: key)
            return value
        }
    }

    mutating func insert(_ value: Value, for key: Key) {
        old[key] = nil
        if young[key] == nil, young.count >= halfLimit {
            old = young
            young = [:]
        }
        young[key] = value
    }

    mutating func remove(_ key: Key) {
        young[key] = nil
        old[key] = nil
    }
}
