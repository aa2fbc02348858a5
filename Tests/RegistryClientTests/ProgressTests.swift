// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import RegistryClient
import Synchronization
import Testing

@Suite("Progress")
struct ProgressTests {
    private let snapshot: PullProgress.Snapshot = {
        var snapshot = PullProgress.Snapshot()
        (snapshot.bytesTotal, snapshot.bytesReceived, snapshot.bytesReused) = (4_096, 1_024, 1_024)
        (snapshot.blobsTotal, snapshot.blobsDone) = (3, 1)
        return snapshot
    }()

    private func line(_ mode: ProgressDisplay.Mode) -> String {
        ProgressDisplay(mode: mode) { _ in }.line(snapshot, isLast: true)
    }

    @Test func eachFormShowsTheSame() throws {
        #expect(line(.plain) == "1 of 3 blobs, 2.0 KiB of 4.0 KiB, 1.0 KiB of them were here\n")
        #expect(line(.bar).contains("[###############...............] 1 of 3 blobs"))
        let document = try JSONValue(parsing: Array(line(.json).utf8))
        #expect(document["bytesReceived"] == .integer(1_024) && document["blobs"] == .integer(3))
    }

    @Test(
        arguments: [
            (0, "0 B"), (1_023, "1023 B"), (1_024, "1.0 KiB"), (1_536, "1.5 KiB"), (5 << 30, "5.0 GiB"),
        ] as [(Int64, String)]
    ) func sizesAreForPeople(bytes: Int64, text: String) {
        #expect(PullProgress.size(bytes) == text)
    }

    @Test func theEndIsShownWhateverHappened() async throws {
        let written = Mutex<[String]>([])
        let display = ProgressDisplay(mode: .plain) { text in written.withLock { $0.append(text) } }
        let progress = PullProgress()
        let error = try await failure {
            try await display.show(progress) { () async throws(ClientError) in
                progress.expect(blobs: 1, bytes: 10)
                throw ClientError(.network, "gone")
            }
        }
        #expect(error?.code == .network)
        #expect(written.withLock { $0 } == ["0 of 1 blobs, 0 B of 10 B\n"])
    }
}
