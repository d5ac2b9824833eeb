//! Visitors, editors and faults, and what is checked once the faults have ended.

use std::{ops::Range, sync::Arc, time::Duration};

use tokio::time::{sleep, timeout};

use super::{
    Broken,
    dice::Dice,
    process::{Got, Machine, Process},
    redis::Loss,
    weather::{Event, Weather},
    world::{Line, PAGES, World},
};

pub(super) struct Simulation {
    pub(super) world: Arc<World>,
    machines: Vec<Machine>,
    /// The process of each replica, if one runs.
    processes: Vec<Option<Arc<Process>>>,
    /// How many processes were started.
    started: u64,
}

impl Simulation {
    /// Where it is calm, clocks differ by two seconds, otherwise by minutes.
    pub(super) async fn start(
        mut dice: Dice,
        weather: Weather,
        broken: Option<Broken>,
        is_traced: bool,
    ) -> Self {
        let is_calm = weather == Weather::Calm;
        let most = if is_calm { 1_000_000 } else { 180_000_000 };
        let is_forever = !is_calm && dice.one_in(2);
        let period = (!is_forever).then(|| dice.millis(20_000..60_000));
        let machines: Vec<_> = (0..dice.index(3) + 2)
            .map(|replica| Machine {
                replica,
                has_disk: dice.one_in(2),
                ahead: dice.in_range(0..2 * most) as i64 - most as i64,
                period,
            })
            .collect();
        let disks = machines.iter().map(|machine| machine.has_disk).collect();
        let world = World::new(dice, disks, broken, is_traced);
        world.state().is_calm = is_calm;
        world.note(|| format!("{machines:?}"));
        let processes = vec![None; machines.len()];
        let mut run = Self { world, machines, processes, started: 0 };
        for replica in 0..run.machines.len() {
            run.start_process(replica).await;
        }
        run
    }

    async fn start_process(&mut self, replica: usize) {
        self.started += 1;
        let process = Process::start(&self.world, self.machines[replica], self.started).await;
        self.processes[replica] = Some(process);
    }

    fn has_failed(&self) -> bool {
        self.world.state().fault.is_some()
    }

    fn index(&self, len: usize) -> usize {
        self.world.state().dice.index(len)
    }

    fn one_in(&self, n: u64) -> bool {
        self.world.state().dice.one_in(n)
    }

    fn roll(&self, range: Range<u64>) -> u64 {
        self.world.state().dice.in_range(range)
    }

    async fn pause(&self, millis: Range<u64>) {
        let pause = self.world.millis(millis);
        sleep(pause).await;
    }

    /// Visitors, editors and faults.
    pub(super) async fn storm(&mut self, weather: Weather) {
        for _ in 0..self.roll(30..120) {
            let pause = if self.one_in(15) { 1000..15_000 } else { 0..400 };
            self.pause(pause).await;
            let replica = self.index(self.machines.len());
            match weather.event(self.roll(0..100)) {
                Event::Visit => self.visit(replica),
                Event::Publish => self.publish(replica, 0..300),
                Event::Line => self.change_line(replica),
                Event::Stop => self.stop(replica),
                Event::KillOrStart => self.kill_or_start(replica).await,
                Event::Loss => {
                    self.lose().await;
                    self.check_heard().await;
                }
                Event::Down => self.stop_redis(),
            }
            if self.has_failed() {
                return;
            }
        }
    }

    fn visit(&self, replica: usize) {
        let Some(process) = self.processes[replica].clone() else { return };
        let page = self.index(PAGES);
        tokio::spawn(async move { process.visit(page).await });
    }

    fn publish(&self, replica: usize, pause: Range<u64>) {
        let Some(process) = self.processes[replica].clone() else { return };
        let (page, is_hard) = (self.index(PAGES), self.one_in(3));
        let pause = self.world.millis(pause);
        tokio::spawn(async move { process.publish(page, is_hard, pause).await });
    }

    fn change_line(&self, replica: usize) {
        let line = [Line::Up, Line::Refused, Line::Silent, Line::Lossy][self.index(4)];
        self.world.set_line(replica, line);
        let lasts = self.world.millis(100..12_000);
        let world = Arc::clone(&self.world);
        tokio::spawn(async move {
            sleep(lasts).await;
            world.set_line(replica, Line::Up);
        });
    }

    /// Half of all stops happen just before the process puts a page, for longer than a lease.
    fn stop(&self, replica: usize) {
        if self.one_in(2) {
            let lasts = self.world.millis(9_000..20_000);
            self.world.change(replica, |port| port.stops_at_put = Some(lasts));
        } else {
            self.world.stop(replica, self.world.millis(100..12_000));
        }
    }

    async fn kill_or_start(&mut self, replica: usize) {
        match self.processes[replica].is_some() {
            true => self.kill(replica),
            false => self.start_process(replica).await,
        }
    }

    fn kill(&mut self, replica: usize) {
        let loses_disk = self.machines[replica].has_disk && self.one_in(4);
        let forgets = loses_disk || !self.machines[replica].has_disk;
        {
            let mut state = self.world.state();
            if forgets && !state.all_have_heard_of_losses() {
                return;
            }
            state.known[replica].clear();
            state.unkept[replica].clear();
            if loses_disk {
                state.disks[replica] = Some(Default::default());
            }
        }
        self.world.note(|| format!("{replica} is killed, forgets={forgets}"));
        self.world.change(replica, |port| port.process = 0);
        self.processes[replica] = None;
    }

    /// Half of all losses happen just after something was appended: before it is read back, or before
    /// others have heard of it.
    async fn lose(&self) {
        if self.one_in(2) {
            let longest = self.world.millis(100..2000);
            if timeout(longest, self.world.appended.notified()).await.is_ok() {
                let pause = if self.one_in(2) { 0..8 } else { 8..150 };
                self.pause(pause).await;
            }
        }
        let loss = match self.index(8) {
            0 => Loss::Everything,
            1..3 => Loss::Log,
            3 => Loss::Positions,
            _ => Loss::Writes(self.index(7) + 1),
        };
        if matches!(loss, Loss::Writes(_)) && self.one_in(2) {
            // Another machine takes over, with a clock of its own.
            let ahead = self.roll(0..240_000_000) as i64 - 120_000_000;
            self.world.state().redis.ahead = ahead;
        }
        self.world.lose(loss);
        if self.one_in(2) {
            // Before anybody has noticed.
            self.publish(self.index(self.machines.len()), 0..2);
        }
    }

    fn stop_redis(&self) {
        self.world.set_down(true);
        let lasts = self.world.millis(100..8000);
        let world = Arc::clone(&self.world);
        tokio::spawn(async move {
            sleep(lasts).await;
            world.set_down(false);
        });
    }

    /// Ends all faults, and checks that what was answered holds, and that pages become fresh.
    pub(super) async fn calm_down(&mut self) {
        if self.has_failed() {
            return;
        }
        self.world.note(|| "all faults end".to_owned());
        self.world.set_down(false);
        self.world.state().is_calm = true;
        for replica in 0..self.machines.len() {
            self.world.set_line(replica, Line::Up);
            self.world.set_stopped(replica, false);
            self.world.change(replica, |port| port.stops_at_put = None);
            if self.processes[replica].is_none() {
                self.start_process(replica).await;
            }
        }
        // A read that hangs is given up after five seconds. Then all have heard of everything.
        sleep(Duration::from_secs(6)).await;
        self.check(self.answered()).await;
        // Longer than a write that hangs, a slow render, and a lease.
        sleep(Duration::from_secs(40)).await;
        self.check(self.answered()).await;
        self.purge_again().await;
        self.check_fresh().await;
        self.check_quiet().await;
    }

    fn running(&self) -> Vec<Arc<Process>> {
        self.processes.iter().flatten().cloned().collect()
    }

    /// That all have heard within two seconds of what was answered, if all reach the Redis.
    async fn check_heard(&self) {
        if self.world.is_reached_by_all() {
            let answered = self.answered();
            sleep(Duration::from_secs(2)).await;
            self.check(answered).await;
        }
    }

    /// The least content of each page that may be served as fresh, and at all, by what was answered.
    fn answered(&self) -> [(u64, u64); PAGES] {
        let state = self.world.state();
        let least = |page| (state.least_for_all(page, false), state.least_for_all(page, true));
        std::array::from_fn(least)
    }

    /// That what was answered is known everywhere.
    async fn check(&self, answered: [(u64, u64); PAGES]) {
        for (page, (least, hard)) in answered.into_iter().enumerate() {
            for process in self.running() {
                let got = process.visit(page).await;
                let is_old = match got {
                    Got::Fresh(content) | Got::Rendered(content) => content < least,
                    Got::Stale(content) => content < hard,
                    Got::Failed => false,
                };
                if is_old {
                    let replica = process.link.replica;
                    self.world.fail(format!(
                        "{replica} has page {page} as {got:?} after {least} and {hard}"
                    ));
                }
            }
        }
    }

    /// As editors do whose purges failed, or were lost with all who knew of them.
    async fn purge_again(&self) {
        for page in 0..PAGES {
            let process = self.running()[self.index(self.machines.len())].clone();
            let content = self.world.state().content(page);
            if !process.purge(page, content, false).await {
                self.world.fail(format!("page {page} cannot be purged in the end"));
            }
        }
        sleep(Duration::from_secs(1)).await;
    }

    /// That all replicas have what is current after a few visits.
    async fn check_fresh(&self) {
        for page in 0..PAGES {
            for process in self.running() {
                let current = Got::Fresh(self.world.state().content(page));
                let mut got = Vec::new();
                while got.last() != Some(&current) && got.len() < 6 {
                    got.push(process.visit(page).await);
                    // Within the time that a page waits after failures, and that a lease lasts.
                    sleep(Duration::from_secs(4)).await;
                }
                if got.last() != Some(&current) {
                    let replica = process.link.replica;
                    self.world.fail(format!("{replica} never has page {page} fresh: {got:?}"));
                }
            }
        }
    }

    /// That nothing more is purged by itself.
    async fn check_quiet(&self) {
        let before = self.world.state().redis.log().len();
        sleep(Duration::from_secs(5)).await;
        let after = self.world.state().redis.log().len();
        if after != before {
            self.world.fail(format!("{after} purges after {before}, though nobody purges"));
        }
    }

    /// Without faults, that each page is rendered once when it expires, and once when it is purged.
    pub(super) async fn calm(&self) {
        let period = self.machines[0].period.expect("calm runs have one");
        for round in 0..self.roll(3..8) {
            let page = self.index(PAGES);
            let before = self.world.state().renders[page];
            let is_purged = round > 0 && self.one_in(2);
            let process = self.running()[self.index(self.machines.len())].clone();
            if is_purged {
                let is_hard = self.one_in(2);
                if !process.publish(page, is_hard, Duration::ZERO).await {
                    self.world.fail("a purge failed without a fault".to_owned());
                }
                // Within this time everybody has heard.
                sleep(Duration::from_secs(1)).await;
            } else {
                sleep(period + Duration::from_secs(3)).await;
            }
            let visits: Vec<_> = self
                .running()
                .into_iter()
                .map(|process| {
                    let pause = self.world.millis(0..300);
                    tokio::spawn(async move {
                        sleep(pause).await;
                        process.visit(page).await
                    })
                })
                .collect();
            for visit in visits {
                if visit.await.unwrap() == Got::Failed {
                    self.world.fail("a visit failed without a fault".to_owned());
                }
            }
            sleep(Duration::from_secs(2)).await;
            let renders = self.world.state().renders[page] - before;
            let was_known = before > 0 || is_purged;
            if renders > 1 || renders == 0 && was_known {
                self.world.fail(format!("{renders} renders of page {page} for one reason"));
            }
        }
        self.check_fresh().await;
    }
}
