// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The error of a module that reads settings: where the file is wrong, `YAMLFields` throws it.
package protocol SettingsFailure: Error {
    associatedtype Code: Sendable

    /// The code of what is wrong with settings in general.
    static var invalidSetting: Code { get }

    /// A sentence for people, without the place.
    var reason: String { get }

    /// The line of the file that is to blame, counted from 1.
    var line: Int? { get }

    /// - Parameters:
    ///   - code: What kind of thing is wrong.
    ///   - reason: A sentence for people, without the place.
    ///   - line: The line of the file that is to blame, counted from 1.
    init(_ code: Code, _ reason: String, line: Int?)
}
