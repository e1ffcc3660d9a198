//! What a process has used, from `/proc`, and what this one may.

use std::collections::BTreeSet;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::LoadError;

/// What a process has used so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// Processor time of all threads, user and system, in seconds.
    pub cpu_s: f64,
    /// Resident memory in mebibytes.
    pub rss_mb: f64,
    /// The most that it ever was.
    pub peak_mb: f64,
}

impl Usage {
    /// What a process has used.
    ///
    /// # Errors
    /// [`LoadError::Io`] when there is no such process.
    pub fn of(pid: u32) -> Result<Self, LoadError> {
        let folder = Path::new("/proc").join(pid.to_string());
        let stat = std::fs::read_to_string(folder.join("stat"))?;
        let status = std::fs::read_to_string(folder.join("status"))?;
        parse_usage(&stat, &status)
            .ok_or_else(|| LoadError::Protocol("the form of /proc is another".to_owned()))
    }

    /// What a process and its descendants have used, summed.
    ///
    /// # Errors
    /// [`LoadError::Io`] when there is no such process.
    pub fn of_tree(pid: u32) -> Result<Self, LoadError> {
        let mut parents = Vec::new();
        for entry in std::fs::read_dir("/proc")? {
            let name = entry?.file_name();
            // A process may end while the list is read.
            if let Some(pid) = name.to_str().and_then(|name| name.parse().ok())
                && let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat"))
                && let Some(parent) = parse_parent(&stat)
            {
                parents.push((pid, parent));
            }
        }
        let mut sum = Self::of(pid)?;
        for pid in descendants(pid, &parents) {
            if let Ok(usage) = Self::of(pid) {
                sum.cpu_s += usage.cpu_s;
                sum.rss_mb += usage.rss_mb;
                sum.peak_mb += usage.peak_mb;
            }
        }
        Ok(sum)
    }
}

/// Raises the number of files that this process and the servers that it starts may hold open as far as the system
/// allows.
///
/// # Errors
/// [`LoadError::NotReady`] when fewer than `needed` are allowed.
pub fn raise_open_files(needed: usize) -> Result<(), LoadError> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).map_err(std::io::Error::from)?;
    match limit.maximum.map(usize::try_from) {
        Some(Ok(allowed)) if allowed < needed => Err(LoadError::NotReady(format!(
            "{needed} files must be open at once, the system allows {allowed}: see ulimit -Hn"
        ))),
        _ => Ok(()),
    }
}

// The fields of proc(5) stat behind the second, which is in parentheses and may contain anything.
fn fields(stat: &str) -> Option<Vec<&str>> {
    Some(stat.rsplit_once(')')?.1.split_whitespace().collect())
}

fn parse_parent(stat: &str) -> Option<u32> {
    fields(stat)?.get(1)?.parse().ok()
}

// utime and stime are the 14th and 15th field of stat, in hundredths of a second on Linux (USER_HZ).
fn parse_usage(stat: &str, status: &str) -> Option<Usage> {
    let fields = fields(stat)?;
    let ticks = fields.get(11)?.parse::<u32>().ok()? + fields.get(12)?.parse::<u32>().ok()?;
    let mebibytes = |name: &str| {
        let mut lines = status.lines();
        let value = lines.find_map(|line| line.strip_prefix(name))?;
        let kib: u32 = value.split_whitespace().next()?.parse().ok()?;
        Some(f64::from(kib) / 1024.0)
    };
    Some(Usage {
        cpu_s: f64::from(ticks) / 100.0,
        rss_mb: mebibytes("VmRSS:")?,
        peak_mb: mebibytes("VmHWM:")?,
    })
}

fn descendants(of: u32, parents: &[(u32, u32)]) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    let mut next = vec![of];
    while let Some(parent) = next.pop() {
        for (pid, _) in parents.iter().filter(|(_, of)| *of == parent) {
            if found.insert(*pid) {
                next.push(*pid);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_read_behind_a_strange_name() {
        let stat = "17 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 9";
        let status = "Name:\tparta\nVmHWM:\t  3072 kB\nVmRSS:\t  2048 kB\n";
        let expected = Usage {
            cpu_s: 2.0,
            rss_mb: 2.0,
            peak_mb: 3.0,
        };
        assert_eq!(parse_usage(stat, status).unwrap(), expected);
        assert_eq!(parse_parent(stat), Some(1));
    }

    #[test]
    fn a_tree_has_children_of_children_and_nobody_else() {
        let parents = [(2, 1), (3, 2), (4, 3), (5, 1)];
        assert_eq!(descendants(2, &parents), BTreeSet::from([3, 4]));
    }

    #[test]
    fn this_process_is_there() {
        assert!(Usage::of(std::process::id()).unwrap().rss_mb > 0.0);
        assert!(Usage::of_tree(std::process::id()).unwrap().rss_mb > 0.0);
    }
}
