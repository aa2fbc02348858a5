// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import RegistryClient

extension RetentionClient {
    /// Waits for a run, and shows how far it is.
    func finish(_ run: Run, _ progress: ProgressOptions.Mode?) async throws(ClientError) -> Run {
        let bar = ProgressBar(mode: progress)
        return try await wait(for: run) { run in
            let done = run.done ?? 0
            let share = run.total.map { $0 > 0 ? Double(done) / Double($0) : 1 } ?? 0
            let of = run.total.map { " of \($0)" } ?? ""
            bar.show(
                run.isBusy ? share : 1,
                text: "run \(run.id) \(run.state)" + (run.isBusy ? ": \(done)\(of) decisions" : ""),
                json: run.json,
                isLast: !run.isBusy
            )
        } pause: {
            try? await Task.sleep(for: .milliseconds(200))
        }
    }
}

extension RetentionClient.Share {
    /// A line for people.
    var line: String {
        guard let rule else { return "\(PullProgress.size(bytes)) more by several rules together" }
        return "\(rule): \(tags) tags, \(manifests) images, \(PullProgress.size(bytes))"
    }
}
