// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Cryptography
internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Checks users' passwords. Hashing one is slow on purpose, so it has threads of its own, no more of it waits than can
/// be done in good time, and what was right is remembered for a minute.
///
/// An unknown user costs a hash like a known one, so that time does not tell who exists.
package final class PasswordChecker: Sendable {
    /// Hashes that may wait for a thread.
    static let queueLimit = 64
    /// Of the threads that hash (setpriority(2); on Linux each thread has its own).
    private static let niceness: Int32 = 10

    private struct State: Sendable {
        var accepted = CredentialCache()
        /// Who waits for which credentials: those that are the same are hashed once.
        var waiting: [[UInt8]: [CheckedContinuation<Bool?, Never>]] = [:]
    }

    private let state = Mutex(State())
    private let threads: NIOThreadPool
    private let key: [UInt8]
    private let monotonic: @Sendable () -> UInt64
    private let verify: @Sendable (_ password: [UInt8], _ stored: String) -> Bool

    /// - Parameters:
    ///   - threadCount: Hashes computed at once. By default half of the cores are left to everything else.
    ///   - key: 32 random bytes, by which accepted credentials are remembered.
    ///   - monotonic: Nanoseconds of a clock that only goes forward.
    ///   - verify: Says whether a password has a stored hash.
    package init(
        threadCount: Int? = nil,
        key: [UInt8] = SecureRandom.bytes(32),
        monotonic: @escaping @Sendable () -> UInt64,
        verify: @escaping @Sendable (_ password: [UInt8], _ stored: String) -> Bool = {
            Bcrypt.verify($0, against: $1)
        }
    ) {
        threads = NIOThreadPool(numberOfThreads: threadCount ?? max(1, System.coreCount / 2))
        threads.start()
        self.key = key
        self.monotonic = monotonic
        self.verify = verify
    }

    /// Whether a password is a user's.
    ///
    /// - Throws: `.busy` when more passwords wait than can be checked in good time; `.invalidPassword` for one that
    ///   bcrypt does not take: empty, over 72 bytes, or with a NUL.
    package func check(user: String, password: String, htpasswd: Htpasswd) async throws(AccessError) -> Bool {
        let password = Array(password.utf8)
        guard (1...Bcrypt.passwordBytesLimit).contains(password.count), !password.contains(0) else {
            throw AccessError(
                .invalidPassword,
                "a password has 1 to \(Bcrypt.passwordBytesLimit) bytes, none of them NUL"
            )
        }
        let known = htpasswd.hash(of: user)
        let stored = known ?? htpasswd.decoy
        let code: [UInt8]
        do {
            code = try CredentialCache.code(user: user, password: password, stored: stored, key: key)
        } catch {
            throw AccessError(.invalidPassword, "the password cannot be checked: \(error)")
        }
        let now = monotonic()
        if known != nil, state.withLock({ $0.accepted.contains(code, of: user, now: now) }) { return true }
        guard let matches = await hash(password, stored, code) else {
            throw AccessError(.busy, "\(Self.queueLimit) passwords wait to be checked already")
        }
        guard matches, known != nil else { return false }
        state.withLock { $0.accepted.insert(code, of: user, now: now) }
        return true
    }

    /// Compares on one of the threads, once for all who ask the same meanwhile; nil if too many wait.
    private func hash(_ password: [UInt8], _ stored: String, _ code: [UInt8]) async -> Bool? {
        await withCheckedContinuation { continuation in
            enum Step { case submit, wait, refuse }
            let step = state.withLock { state in
                if state.waiting[code] != nil {
                    state.waiting[code]?.append(continuation)
                    return Step.wait
                }
                guard state.waiting.count < Self.queueLimit else { return .refuse }
                state.waiting[code] = [continuation]
                return .submit
            }
            switch step {
            case .wait: break
            case .refuse: continuation.resume(returning: nil)
            case .submit:
                threads.submit { [self] threadState in
                    var matches: Bool?
                    Self.giveWay()
                    if case .active = threadState { matches = verify(password, stored) }
                    let waiting = state.withLock { $0.waiting.removeValue(forKey: code) ?? [] }
                    for continuation in waiting { continuation.resume(returning: matches) }
                }
            }
        }
    }

    /// Puts the calling thread behind all others: a flood of wrong passwords must not slow down the rest.
    private static func giveWay() {
        _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, niceness)
    }

    /// Ends the threads. Passwords that still wait are answered with `.busy`.
    package func shutDown() async {
        await withCheckedContinuation { continuation in
            threads.shutdownGracefully { _ in continuation.resume() }
        }
    }
}
