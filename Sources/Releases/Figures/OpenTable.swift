// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// A table of what is open: bounded, and looked through for what is over whenever it has doubled, so that it stays in
/// proportion to what is open at a cost in proportion to what was put in.
struct OpenTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private(set) var values: [Key: Value] = [:]
    /// Keys that found no room.
    private(set) var refused = 0
    private let limit: Int
    private var sweepsAt = 1_024

    init(limit: Int) { self.limit = limit }

    var count: Int { values.count }

    var needsSweep: Bool { values.count >= sweepsAt }

    subscript(key: Key) -> Value? { values[key] }

    /// Whether there is room for the key, counting it as refused if there is not.
    mutating func admits(_ key: Key) -> Bool {
        if values.count < limit || values[key] != nil { return true }
        refused += 1
        return false
    }

    /// Puts a value in, or in another's place, if there is room.
    mutating func put(_ key: Key, _ value: Value) {
        if admits(key) { values[key] = value }
    }

    mutating func remove(_ key: Key) { values[key] = nil }

    /// Takes a value out, to be changed without a copy and put back.
    mutating func take(_ key: Key) -> Value? { values.removeValue(forKey: key) }

    /// Changes a value where it stands, making it first if there is room.
    mutating func change(_ key: Key, first: @autoclosure () -> Value, _ change: (inout Value) -> Void) {
        if admits(key) { change(&values[key, default: first()]) }
    }

    /// Takes out what is over.
    mutating func sweep(_ isOver: (Key, Value) -> Bool) -> [(key: Key, value: Value)] {
        let over = values.filter { isOver($0.key, $0.value) }
        for key in over.keys { values[key] = nil }
        sweepsAt = max(1_024, values.count * 2)
        return over.map { ($0.key, $0.value) }
    }
}
