// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import Registry
import Retention
import ServiceLifecycle

/// The rules of retention in the configuration file: put in force at the start and when the file changes.
struct RetentionFiles: Sendable {
    /// The configuration file.
    let file: String
    let registry: Registry
    let runner: RetentionRunner

    /// Puts the rules that the file has now in force, after they were written to the event record.
    ///
    /// - Returns: Whether they are others than before.
    /// - Throws: A `ConfigurationError` with the line; the former rules stay then.
    @discardableResult
    func apply() async throws -> Bool {
        let retention = try Configuration.load(file: file, environment: [:]).retention
        registry.setDeployGrace(seconds: retention?.deployGrace ?? RetentionLimits.deployGraceDefault)
        return try await runner.replace(with: retention)
    }
}

/// Plans, applies and restores while the server runs.
struct Retaining: Service {
    let runner: RetentionRunner?

    func run() async throws {
        guard let runner else {
            try? await gracefulShutdown()
            return
        }
        await cancelWhenGracefulShutdown {
            await runner.run {
                try await Task.sleep(for: $0)
            } random: {
                Int64.random(in: 0..<$0)
            }
        }
    }
}
