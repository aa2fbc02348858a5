// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import DequeModule
import Synchronization

/// One interest in a flight, until it is given up.
final class Boarding: Sendable {
    let flight: Flight
    /// Whether it was under way before.
    let joined: Bool
    private let end: @Sendable () -> Void
    private let hasLeft = Atomic(false)

    init(flight: Flight, joined: Bool, end: @escaping @Sendable () -> Void) {
        self.flight = flight
        self.joined = joined
        self.end = end
    }

    /// Calling it twice does nothing.
    func leave() {
        if !hasLeft.exchange(true, ordering: .acquiringAndReleasing) { end() }
    }
}

/// Which blobs are fetched now, which wait for their turn, and who waits for them.
///
/// Everything is decided under one lock that is held for an instant. A flight that a client wants goes before all that
/// none wants, also where it was asked for later; and those leave room for it.
final class Fetcher: Sendable {
    private struct Entry {
        let flight: Flight
        var priority: FetchPriority
        /// How many wait for it.
        var interest = 0
        /// nil until it is its turn.
        var task: Task<Void, Never>?
    }

    private struct State {
        /// A flight leaves with its last waiter or with its result, so that nobody joins one that is being ended.
        var entries: [Flight.Key: Entry] = [:]
        /// In the order of asking. What left meanwhile, or has begun, is passed over.
        var clients = Deque<Flight>()
        var backfill = Deque<Flight>()
        /// Flights whose tasks have not ended, by what they were begun for.
        var running = 0
        var runningBackfill = 0
        var waiting = 0
    }

    let options: FetchOptions
    let metrics = FetchMetrics()
    private let state = Mutex(State())
    private var limits: FetchLimits { options.limits }

    init(options: FetchOptions) {
        self.options = options
    }

    /// Joins the flight of a key, or begins one that does `work`. It is cancelled when the last who boarded leaves.
    ///
    /// - Throws: `RegistryError.overloaded` where too many wait.
    func board(
        _ key: Flight.Key,
        _ priority: FetchPriority,
        work: @escaping @Sendable (Flight) async throws -> FetchedBlob
    ) throws -> Boarding {
        let (flight, joined) = try join(key, priority, work)
        if joined { metrics.hasJoined() }
        return Boarding(flight: flight, joined: joined) { self.leave(flight) }
    }

    /// How many wait for a blob.
    var interest: Int { state.withLock { $0.entries.values.reduce(0) { $0 + $1.interest } } }

    private func join(
        _ key: Flight.Key,
        _ priority: FetchPriority,
        _ work: @escaping @Sendable (Flight) async throws -> FetchedBlob
    ) throws -> (Flight, joined: Bool) {
        try state.withLock { state in
            if let entry = state.entries[key] {
                state.entries[key]?.interest += 1
                if priority == .client, entry.priority == .backfill {
                    state.entries[key]?.priority = .client
                    if entry.task == nil {
                        state.clients.append(entry.flight)
                        startNext(&state)
                    }
                }
                return (entry.flight, true)
            }
            guard state.waiting < limits.waiting else {
                throw RegistryError.overloaded(retryAfter: RegistryLimits.retryAfterSeconds)
            }
            let flight = Flight(key: key, work: work)
            state.entries[key] = Entry(flight: flight, priority: priority, interest: 1)
            state.waiting += 1
            if priority == .client { state.clients.append(flight) } else { state.backfill.append(flight) }
            startNext(&state)
            return (flight, false)
        }
    }

    private func leave(_ flight: Flight) {
        let task = state.withLock { state -> Task<Void, Never>? in
            guard let entry = state.entries[flight.key], entry.flight === flight else { return nil }
            state.entries[flight.key]?.interest -= 1
            guard entry.interest == 1 else { return nil }
            state.entries[flight.key] = nil
            if entry.task == nil { state.waiting -= 1 }
            return entry.task
        }
        task?.cancel()
    }

    /// Starts what may start. Called with the lock held; starting a task waits for nothing.
    private func startNext(_ state: inout State) {
        while state.running < limits.atOnce {
            if let flight = Self.next(&state.clients, state.entries) {
                start(flight, isBackfill: false, &state)
            } else if state.runningBackfill < limits.backfillAtOnce,
                let flight = Self.next(&state.backfill, state.entries)
            {
                start(flight, isBackfill: true, &state)
            } else {
                return
            }
        }
    }

    private static func next(_ queue: inout Deque<Flight>, _ entries: [Flight.Key: Entry]) -> Flight? {
        while let flight = queue.popFirst() {
            if let entry = entries[flight.key], entry.flight === flight, entry.task == nil { return flight }
        }
        return nil
    }

    private func start(_ flight: Flight, isBackfill: Bool, _ state: inout State) {
        state.waiting -= 1
        state.running += 1
        if isBackfill { state.runningBackfill += 1 }
        state.entries[flight.key]?.task = Task { [self] in
            let started = ContinuousClock.now
            let outcome: Flight.Outcome
            do { outcome = .success(try await flight.work(flight)) } catch { outcome = .failure(error) }
            metrics.took(.now - started)
            finish(flight, isBackfill: isBackfill)
            flight.end(with: outcome)
        }
    }

    private func finish(_ flight: Flight, isBackfill: Bool) {
        state.withLock { state in
            state.running -= 1
            if isBackfill { state.runningBackfill -= 1 }
            if state.entries[flight.key]?.flight === flight { state.entries[flight.key] = nil }
            startNext(&state)
        }
    }
}
