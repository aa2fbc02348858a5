// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import Glibc
import Simulation
import Testing

/// What the model rests on: a disk that forgets what was not made durable, and nothing else.
@Suite("The disk that loses its power")
struct SimulatedDiskTests {
    private let disk = SimulatedDisk()
    private let path = "/d/name"

    private func write(_ bytes: [UInt8], to path: String, isSynced: Bool) throws {
        let file = try disk.filesystem.open(path, O_RDWR | O_CREAT, 0o600)
        _ = try bytes.withUnsafeBytes { try disk.filesystem.pwritev(file, [$0], 0) }
        if isSynced { try disk.filesystem.fdatasync(file) }
        disk.filesystem.close(file)
    }

    private func syncDirectory() throws {
        let directory = try disk.filesystem.open("/d", O_RDONLY | O_DIRECTORY, 0)
        try disk.filesystem.fsync(directory)
        disk.filesystem.close(directory)
    }

    /// What the name stands for after power cuts by many seeds: nil where it is gone.
    private func outcomes(_ prepare: () throws -> Void) throws -> Set<[UInt8]?> {
        try disk.filesystem.makeDirectory("/d", 0o755)
        try prepare()
        var outcomes: Set<[UInt8]?> = []
        for seed in 0..<64 {
            var dice = Dice(seed: UInt64(seed))
            let copy = SimulatedDisk(copying: disk, faults: SimulatedDisk.Faults())
            copy.cutPower()
            copy.restart(&dice)
            outcomes.insert(copy.bytes(at: path))
        }
        return outcomes
    }

    @Test("what was synced, with its directory, is there after every power cut")
    func synced() throws {
        let found = try outcomes {
            try write([1, 2], to: path, isSynced: true)
            try syncDirectory()
        }
        #expect(found == [[1, 2]])
        #expect(disk.holds([1, 2], at: path))
    }

    @Test("without the sync of the directory the file may be gone")
    func unsyncedName() throws {
        let found = try outcomes { try write([1, 2], to: path, isSynced: true) }
        #expect(found == [nil, [1, 2]])
        #expect(!disk.holds([1, 2], at: path))
    }

    @Test("without its own sync a file may be empty, or short, or whole")
    func unsyncedBytes() throws {
        let found = try outcomes {
            try write([1, 2], to: path, isSynced: false)
            try syncDirectory()
        }
        #expect(found == [[], [1], [1, 2]])
        #expect(!disk.holds([1, 2], at: path))
    }

    @Test("a deletion that was not synced may be undone, and one that was is not")
    func deletion() throws {
        let found = try outcomes {
            try write([1], to: path, isSynced: true)
            try syncDirectory()
            try disk.filesystem.unlink(path)
        }
        #expect(found == [nil, [1]])
        try syncDirectory()
        #expect(disk.bytes(at: path) == nil)
        var dice = Dice(seed: 1)
        disk.restart(&dice)
        #expect(disk.bytes(at: path) == nil)
    }

    @Test("a rename replaces, and what it replaced may come back until it is synced")
    func rename() throws {
        let found = try outcomes {
            try write([1], to: path, isSynced: true)
            try syncDirectory()
            try write([2], to: "/d/new", isSynced: true)
            try disk.filesystem.rename("/d/new", path)
        }
        #expect(found == [[1], [2]])
        #expect(!disk.holds([2], at: path))
        try syncDirectory()
        #expect(disk.holds([2], at: path))
    }

    @Test("without power nothing changes, and what is open can be read")
    func powerless() throws {
        try disk.filesystem.makeDirectory("/d", 0o755)
        try write([1], to: path, isSynced: true)
        disk.cutPower(afterCalls: 1)
        try disk.filesystem.unlink(path)
        #expect(throws: SystemCallError(.open, errno: EIO)) { try write([2], to: path, isSynced: true) }
        #expect(disk.isDown && disk.names(in: "/d").isEmpty)
    }
}
