// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import Registry

extension RegistryError {
    /// The name of the case, without its values.
    package var name: String { Mirror(reflecting: self).children.first?.label ?? "\(self)" }
}

/// The name of the case with which the registry refused, such as `blobUnknown`; nil when it did what was asked.
///
/// - Throws: What else was thrown.
package func refusal(_ work: () async throws -> Void) async throws -> String? {
    do {
        try await work()
        return nil
    } catch let error as RegistryError {
        return error.name
    }
}
