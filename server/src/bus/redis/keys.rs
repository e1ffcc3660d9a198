//! Names in Redis. Every one begins with the prefix, so that several installations can share a Redis.

use super::NodeId;

/// Channels and keys of one installation.
#[derive(Clone, Debug)]
pub(super) struct Keys(pub(super) String);

impl Keys {
    /// Counter of a partition's durable hints.
    pub(super) fn counter(&self, partition: usize) -> String {
        format!("{}:p{partition}:n", self.0)
    }

    /// Epoch of that counter.
    pub(super) fn epoch(&self, partition: usize) -> String {
        format!("{}:p{partition}:e", self.0)
    }

    /// The last durable hints (a stream).
    pub(super) fn log(&self, partition: usize) -> String {
        format!("{}:p{partition}:log", self.0)
    }

    /// Channel of a partition's durable hints.
    pub(super) fn channel(&self, partition: usize) -> String {
        format!("{}:p{partition}", self.0)
    }

    /// The partition of a channel.
    pub(super) fn partition(&self, channel: &str) -> Option<usize> {
        let rest = channel.strip_prefix(&self.0)?.strip_prefix(":p")?;
        rest.parse().ok()
    }

    /// Channel of everything that may be lost.
    pub(super) fn passing(&self) -> String {
        format!("{}:passing", self.0)
    }

    /// Channel on which nodes say that they live.
    pub(super) fn beats(&self) -> String {
        format!("{}:beats", self.0)
    }

    /// Names of all nodes (a set).
    pub(super) fn nodes(&self) -> String {
        format!("{}:nodes", self.0)
    }

    /// Exists while a node lives.
    pub(super) fn lease(&self, node: &NodeId) -> String {
        format!("{}:node:{}", self.0, node.0)
    }

    /// Who is on a node (a set).
    pub(super) fn people(&self, node: &NodeId) -> String {
        format!("{}:people:{}", self.0, node.0)
    }
}
