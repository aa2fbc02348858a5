// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation

/// Looks at the machine for the checklist of production.
enum MachineLook {
    static func machine(root: String) -> ProductionMachine {
        let place = existing(root)
        let space = try? FileManager.default.attributesOfFileSystem(forPath: place)
        let mounts = text(of: "/proc/self/mounts") ?? ""
        return ProductionMachine(
            fileSystem: MountTable(mounts).fileSystem(of: place),
            totalBytes: (space?[.systemSize] as? NSNumber)?.int64Value ?? 0,
            freeBytes: (space?[.systemFreeSize] as? NSNumber)?.int64Value ?? 0,
            openFiles: ProcessLimits.openFiles,
            clock: clock()
        )
    }

    /// The bits of a path's mode that say who may use it; nil where it is not there.
    static func permissions(_ path: String) -> Int? {
        (try? FileManager.default.attributesOfItem(atPath: path))?[.posixPermissions] as? Int
    }

    /// Whether two paths, or the directories that they will be made in, are on one volume.
    static func areOnOneVolume(_ first: String, _ second: String) -> Bool? {
        guard let one = device(existing(first)), let other = device(existing(second)) else { return nil }
        return one == other
    }

    /// The path, or the nearest directory above it that is there; without symbolic links.
    static func existing(_ path: String) -> String { parts(of: path).existing }

    /// The path without symbolic links, those that will be made in it aside.
    private static func resolved(_ path: String) -> String {
        let (existing, missing) = parts(of: path)
        return missing.reduce(existing) { $0.hasSuffix("/") ? $0 + $1 : "\($0)/\($1)" }
    }

    /// Whether a path is a directory or in it, also where one of them, or both, are not there yet.
    static func isInside(_ path: String, _ directory: String) -> Bool {
        let (path, directory) = (resolved(path), resolved(directory))
        return path == directory || path.hasPrefix(directory.hasSuffix("/") ? directory : directory + "/")
    }

    private static func parts(of path: String) -> (existing: String, missing: [String]) {
        var url = URL(fileURLWithPath: path).standardizedFileURL
        var missing: [String] = []
        while url.path != "/", !FileManager.default.fileExists(atPath: url.path) {
            missing.append(url.lastPathComponent)
            url.deleteLastPathComponent()
        }
        return (url.resolvingSymlinksInPath().path, missing.reversed())
    }

    static func text(of path: String) -> String? { bytes(of: path).flatMap { String(validating: $0, as: UTF8.self) } }

    /// The beginning of a file; nil where it has nothing, or cannot be read.
    static func bytes(of path: String) -> [UInt8]? {
        guard let handle = FileHandle(forReadingAtPath: path) else { return nil }
        defer { try? handle.close() }
        guard let data = try? handle.read(upToCount: ProductionLimits.fileBytes) else { return nil }
        return Array(data)
    }

    private static func device(_ path: String) -> Int? {
        ((try? FileManager.default.attributesOfItem(atPath: path))?[.systemNumber] as? NSNumber)?.intValue
    }

    /// What services that keep clocks leave in the file system.
    private static func clock() -> ProductionMachine.Clock {
        let isThere = { FileManager.default.fileExists(atPath: $0) }
        if isThere("/run/systemd/timesync/synchronized") { return .synchronised(by: "systemd-timesyncd") }
        if isThere("/run/chrony/chronyd.pid") { return .kept(by: "chronyd", ask: "chronyc tracking") }
        if isThere("/run/ntpd.pid") || isThere("/run/ntpsec/ntpd.pid") { return .kept(by: "ntpd", ask: "ntpq -p") }
        return .unknown
    }
}

/// The lines of /proc/self/mounts.
package struct MountTable: Sendable {
    private let mounts: [(point: String, kind: String)]

    package init(_ text: String) {
        var mounts: [(point: String, kind: String)] = []
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count > 2 else { continue }
            mounts.append((String(words[1].replacing("\\040", with: " ")), String(words[2])))
        }
        self.mounts = mounts
    }

    /// The kind of the file system that holds a path: that of the longest mount point above it, the last one of equals.
    package func fileSystem(of path: String) -> String? {
        var best: (point: String, kind: String)?
        for mount in mounts where mount.point == "/" || path == mount.point || path.hasPrefix(mount.point + "/") {
            if mount.point.utf8.count >= best?.point.utf8.count ?? 0 { best = mount }
        }
        return best?.kind
    }
}
