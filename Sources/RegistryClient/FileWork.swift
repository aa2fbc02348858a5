// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOPosix

/// Runs what blocks on threads made for it.
enum FileWork {
    static func run<Result: Sendable>(
        _ work: @escaping @Sendable () throws(ClientError) -> Result
    ) async throws(ClientError) -> Result {
        do {
            return try await NIOThreadPool.singleton.runIfActive { try work() }
        } catch let error as ClientError {
            throw error
        } catch {
            throw ClientError(.storage, "work with files was cancelled")
        }
    }
}
