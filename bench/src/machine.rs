//! What the machine and its processes say of themselves.

use std::{
    collections::HashMap,
    fs,
    process::Command,
    time::{Duration, Instant},
};

use crate::Result;

/// Clock ticks of `/proc` in a second, on every Linux.
const TICKS: u64 = 100;

/// The machine in one line.
pub(crate) fn describe() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown processor", |rest| rest.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes = memory.split_whitespace().nth(1).and_then(|text| text.parse::<u64>().ok());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "{cores} cores ({model}), {} GiB, Linux {}, load {} at the start",
        kilobytes.unwrap_or(0) >> 20,
        kernel.trim(),
        load.split(' ').next().unwrap_or("?"),
    )
}

/// The first line that a command prints of its version.
pub(crate) fn version(program: &str, argument: &str) -> String {
    let output = Command::new(program).arg(argument).output();
    let text = output.map_or_else(
        |_| "not found".to_owned(),
        |output| {
            let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
            String::from_utf8_lossy(&text).into_owned()
        },
    );
    text.lines().next().unwrap_or_default().trim().to_owned()
}

/// Processor time that a process and its children have used.
pub(crate) fn processor_time(pid: u32) -> Duration {
    let all = processes();
    let mut sum = 0;
    let mut pids = vec![pid];
    while let Some(pid) = pids.pop() {
        sum += all.get(&pid).map_or(0, |process| process.ticks);
        pids.extend(all.iter().filter(|(_, other)| other.parent == pid).map(|(pid, _)| *pid));
    }
    ticks(sum)
}

/// Makes this process the parent of those whose own parent ends before them.
///
/// # Errors
///
/// Passes on what the system says.
pub(crate) fn adopt_orphans() -> Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?)
}

/// Waits for all children but `stays`, so that their processor time is known.
///
/// # Errors
///
/// Says so if one of them does not end.
pub(crate) fn wait_for_orphans(stays: u32) -> Result<()> {
    let (own, began) = (std::process::id(), Instant::now());
    loop {
        let all = processes();
        let children = all.iter().filter(|(pid, child)| child.parent == own && **pid != stays);
        let children: Vec<u32> = children.map(|(pid, _)| *pid).collect();
        if children.is_empty() {
            return Ok(());
        }
        if began.elapsed() > Duration::from_secs(30) {
            return Err(format!("the processes {children:?} do not end").into());
        }
        for pid in children {
            let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
            rustix::process::waitpid(pid, rustix::process::WaitOptions::NOHANG)?;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Processor time of all children that have been waited for, and of theirs.
pub(crate) fn waited_for() -> Duration {
    let own = process(std::process::id());
    ticks(own.map_or(0, |own| own.children))
}

fn ticks(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1000 / TICKS)
}

struct Process {
    parent: u32,
    /// Its own ticks and those of children it has waited for.
    ticks: u64,
    /// Those of the children alone.
    children: u64,
}

fn processes() -> HashMap<u32, Process> {
    let folders = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = folders.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| Some((pid, process(pid)?))).collect()
}

/// proc(5): the name in parentheses may hold anything, so fields are counted after it.
fn process(pid: u32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |i: usize| fields.get(i)?.parse::<u64>().ok();
    // In user and kernel mode.
    let (own, children) = (number(11)? + number(12)?, number(13)? + number(14)?);
    let parent = u32::try_from(number(1)?).ok()?;
    Some(Process { parent, ticks: own + children, children })
}

/// Resident memory of a process in MiB.
pub(crate) fn resident(pid: u32) -> f64 {
    field(pid, "VmRSS:")
}

/// The most resident memory that a process had, in MiB.
pub(crate) fn peak(pid: u32) -> f64 {
    field(pid, "VmHWM:")
}

fn field(pid: u32, name: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) / 1024.0
}

/// The middle of several values.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}
