// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import LayerScan

/// Where the process begins.
@main
enum Entry {
    static func main() async {
        // The worker that looks into layers shuts itself in before anything else is there.
        if CommandLine.arguments.dropFirst().elementsEqual([LayerScanning.subcommand]) {
            LayerScanWorker.run(input: 0, output: 1)
        }
        await Cairn.main()
    }
}

/// The command line of Cairn.
struct Cairn: AsyncParsableCommand {
    /// The version of this build.
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "cairn",
        abstract: "A content-addressed registry for container images and other OCI artifacts.",
        version: version,
        subcommands: [
            Serve.self,
            AccessCommand.self,
            AttestCommand.self,
            BuildCommand.self,
            CollectCommand.self,
            DeployCommand.self,
            DiffCommand.self,
            DoctorCommand.self,
            DuCommand.self,
            EnvironmentCommand.self,
            FiguresCommand.self,
            Fsck.self,
            HistoryCommand.self,
            InspectCommand.self,
            KeyCommand.self,
            LogCommand.self,
            MaintenanceCommand.self,
            ObservabilityCommand.self,
            PinCommand.self,
            ProbeCommand.self,
            PromoteCommand.self,
            PullCommand.self,
            QuarantineCommand.self,
            Rebuild.self,
            RegionCommand.self,
            ReleasesCommand.self,
            RetentionCommand.self,
            RollbackCommand.self,
            RolloutCommand.self,
            SLOCommand.self,
            ScrubCommand.self,
            SignCommand.self,
            TLSCommand.self,
            TrustCommand.self,
            UnpinCommand.self,
            VerifyCommand.self,
            Version.self,
            WebhookCommand.self,
        ]
    )
}

/// `cairn version`
struct Version: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print the version.")

    func run() {
        print("cairn \(Cairn.version)")
    }
}
