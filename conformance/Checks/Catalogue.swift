// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// All checks, in the order in which they are listed and reported.
enum Catalogue {
    static var checks: [Check] { pull + push + discovery + management }

    private static var pull: [Check] {
        BaseChecks.checks + BlobPullChecks.checks + RangeChecks.checks + ManifestPullChecks.checks
            + ErrorBodyChecks.checks + ProxyChecks.checks + EnginePullChecks.checks
    }

    private static var push: [Check] {
        SessionChecks.checks + MonolithicChecks.checks + SinglePostChecks.checks + ChunkedChecks.checks
            + StreamedChecks.checks + MountChecks.checks + CancelChecks.checks + AlgorithmChecks.checks
            + WireChecks.checks + ManifestPushChecks.checks + ManifestRefusalChecks.checks + ShapeChecks.checks
            + SubjectChecks.checks + TagQueryChecks.checks + EnginePushChecks.checks
            + ArtifactClientChecks.checks.filter { $0.category == .push }
    }

    private static var discovery: [Check] {
        TagListChecks.checks + CatalogChecks.checks + ReferrerChecks.checks + ReferrerFlowChecks.checks
            + ArtifactClientChecks.checks.filter { $0.category == .discovery }
    }

    private static var management: [Check] {
        DeleteChecks.checks + ArtifactClientChecks.checks.filter { $0.category == .management }
    }
}
