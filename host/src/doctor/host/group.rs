//! The control groups of this process: how much CPU they may use, and which CPUs are theirs
//! alone (Linux, Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/).

use crate::tree::Tree;

const ROOT: &str = "/sys/fs/cgroup";

/// The limits of the groups that this process is in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// Its path, as /proc/self/cgroup has it.
    pub path: String,
    /// The lowest limit of the group and its parents, in CPUs; `None` without a limit.
    pub cpus: Option<f64>,
}

impl Group {
    /// Reads it; `None` if the process's group is not visible.
    pub fn read(tree: &Tree) -> Option<Self> {
        let path = path(tree)?;
        let limits = folders(&path)
            .into_iter()
            .filter_map(|folder| limit(tree, &folder));
        Some(Self {
            cpus: limits.reduce(f64::min),
            path,
        })
    }
}

/// The line of version 2 is `0::PATH`; in version 1, that of the controller `cpu` counts.
fn path(tree: &Tree) -> Option<String> {
    let text = tree.text("/proc/self/cgroup")?;
    let of = |wanted: &dyn Fn(&str) -> bool| {
        text.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
            wanted(controllers).then(|| path.to_owned())
        })
    };
    of(&|controllers| controllers.split(',').any(|name| name == "cpu"))
        .or_else(|| of(&str::is_empty))
}

/// The group's folder and its parents. Inside a container, the group's own files are at the
/// top.
fn folders(path: &str) -> Vec<String> {
    let mut folders = vec![String::new()];
    for part in path
        .split('/')
        .filter(|part| !part.is_empty() && *part != "..")
    {
        let above = folders.last().cloned().unwrap_or_default();
        folders.push(format!("{above}/{part}"));
    }
    folders
}

/// `cpu.max` is `QUOTA PERIOD`, both in microseconds, or `max PERIOD`.
fn limit(tree: &Tree, folder: &str) -> Option<f64> {
    let v2 = || {
        let text = tree.text(&format!("{ROOT}{folder}/cpu.max"))?;
        let (quota, period) = text.split_once(' ')?;
        Some((quota.parse::<f64>().ok()?, period.parse::<f64>().ok()?))
    };
    let v1 = || {
        let file = |name| tree.number::<f64>(&format!("{ROOT}/cpu{folder}/cpu.cfs_{name}_us"));
        // -1 means unlimited.
        Some((file("quota").filter(|quota| *quota > 0.0)?, file("period")?))
    };
    let (quota, period) = v2().or_else(v1)?;
    (period > 0.0).then_some(quota / period)
}

/// How often the groups had to wait because they had used up their limit; `None` if the kernel
/// does not count that.
pub fn throttled(tree: &Tree) -> Option<u64> {
    let counts = folders(&path(tree)?).into_iter().filter_map(|folder| {
        let stat = [
            format!("{ROOT}{folder}/cpu.stat"),
            format!("{ROOT}/cpu{folder}/cpu.stat"),
        ];
        let text = stat.iter().find_map(|file| tree.text(file))?;
        let count = text
            .lines()
            .find_map(|line| line.strip_prefix("nr_throttled "))?;
        count.trim().parse::<u64>().ok()
    });
    counts.reduce(u64::saturating_add)
}

/// CPUs of partitions without load balancing, which /sys/devices/system/cpu/isolated does not
/// list: the root's `cpuset.cpus.isolated` (since Linux 6.7), and the group's own partition.
pub fn isolated(tree: &Tree) -> Vec<usize> {
    let mut cpus = tree
        .cpus(&format!("{ROOT}/cpuset.cpus.isolated"))
        .unwrap_or_default();
    for folder in folders(&path(tree).unwrap_or_default()) {
        let file = |name: &str| format!("{ROOT}{folder}/cpuset.cpus.{name}");
        // `isolated invalid (REASON)` does not count.
        if tree.text(&file("partition")).as_deref() == Some("isolated") {
            cpus.extend(tree.cpus(&file("effective")).unwrap_or_default());
        }
    }
    cpus.sort_unstable();
    cpus.dedup();
    cpus
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::laid_out;

    #[test]
    fn the_lowest_limit_on_the_way_up_counts() {
        let (_folder, tree) = laid_out(&[
            ("proc/self/cgroup", "0::/a.slice/b.scope\n"),
            ("sys/fs/cgroup/a.slice/cpu.max", "150000 100000"),
            ("sys/fs/cgroup/a.slice/b.scope/cpu.max", "max 100000"),
            (
                "sys/fs/cgroup/a.slice/cpu.stat",
                "nr_periods 9\nnr_throttled 3\n",
            ),
        ]);
        let group = Group::read(&tree).unwrap();
        assert_eq!(
            (group.path.as_str(), group.cpus),
            ("/a.slice/b.scope", Some(1.5))
        );
        assert_eq!(throttled(&tree), Some(3));
    }

    #[test]
    fn the_first_version_of_groups_is_understood() {
        let (_folder, tree) = laid_out(&[
            (
                "proc/self/cgroup",
                "5:memory:/m\n3:cpu,cpuacct:/docker/x\n0::/\n",
            ),
            ("sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us", "50000"),
            ("sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us", "100000"),
            ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1"),
            ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000"),
        ]);
        assert_eq!(Group::read(&tree).unwrap().cpus, Some(0.5));
    }

    #[test]
    fn an_isolated_partition_is_one_unless_it_is_invalid() {
        let partition = |state| {
            let (_folder, tree) = laid_out(&[
                ("proc/self/cgroup", "0::/measuring\n"),
                ("sys/fs/cgroup/measuring/cpuset.cpus.partition", state),
                ("sys/fs/cgroup/measuring/cpuset.cpus.effective", "2-3"),
            ]);
            isolated(&tree)
        };
        assert_eq!(partition("isolated"), [2, 3]);
        assert!(partition("isolated invalid (Cpu list in cpuset.cpus not exclusive)").is_empty());
        assert!(partition("root").is_empty());
        let (_folder, tree) = laid_out(&[("sys/fs/cgroup/cpuset.cpus.isolated", "4")]);
        assert_eq!(isolated(&tree), [4]);
    }
}
