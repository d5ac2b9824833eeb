//! What goes wrong between the servers and what they share.

use std::{fmt, time::Duration};

use fastrand::Rng;
use tokio::time::sleep;

use super::{
    fleet::Replica,
    model::{HEARD, Model, Reach},
    redis::Redis,
};
use crate::{Error, server::SITE};

/// One kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    RedisKilled,
    RedisPaused,
    RedisEmptied,
    Failover,
    ServerKilled,
    ServerStopped,
    LinkCut,
    LinkSilent,
    LinksSlow,
}

pub(super) const FAULTS: [Fault; 9] = [
    Fault::RedisKilled,
    Fault::RedisPaused,
    Fault::RedisEmptied,
    Fault::Failover,
    Fault::ServerKilled,
    Fault::ServerStopped,
    Fault::LinkCut,
    Fault::LinkSilent,
    Fault::LinksSlow,
];

/// The whole site.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) replicas: Vec<Replica>,
    /// The Redis that takes writes, and the one that would take its place.
    pub(super) primary: Redis,
    pub(super) standby: Redis,
    /// Acknowledged purges that a standby lacked when it took over.
    pub(super) lost: usize,
}

impl Fault {
    /// Lets it happen, and mends what can be mended.
    pub(super) async fn happen(
        self,
        site: &mut Site,
        model: &Model,
        rng: &mut Rng,
    ) -> Result<(), Error> {
        let one = rng.usize(..site.replicas.len());
        let some_time = Duration::from_millis(rng.u64(300..4000));
        let linked = Reach::Linked(HEARD);
        match self {
            Self::RedisKilled => {
                site.set_reach(model, Reach::CutOff);
                site.primary.kill()?;
                sleep(some_time).await;
                site.primary.start_again().await?;
                site.set_reach(model, linked);
            }
            Self::RedisPaused => {
                // Also for longer than a server waits for an answer.
                let time = some_time * 2;
                site.set_reach(model, Reach::CutOff);
                site.primary.order(&format!("CLIENT PAUSE {} ALL", time.as_millis()))?;
                sleep(time).await;
                site.set_reach(model, linked);
            }
            Self::RedisEmptied => {
                site.set_reach(model, Reach::CutOff);
                site.primary.order("FLUSHALL")?;
                site.set_reach(model, linked);
            }
            Self::Failover => {
                site.standby.order("REPLICAOF NO ONE")?;
                // What is purged from now on is lost. First all hear of it, then one server alone.
                sleep(some_time / 8).await;
                for (number, replica) in site.replicas.iter().enumerate() {
                    if number != one {
                        model.set_reach(number, Reach::CutOff);
                        replica.link.cut();
                    }
                }
                sleep(some_time / 4).await;
                model.set_reach(one, Reach::CutOff);
                let addr = site.standby.addr;
                site.replicas.iter().for_each(|replica| replica.link.lead_to(addr));
                site.set_reach(model, linked);
                site.lost += site.len_of_log(&site.primary)? - site.len_of_log(&site.standby)?;
                std::mem::swap(&mut site.primary, &mut site.standby);
                site.replicate()?;
            }
            Self::ServerKilled => {
                let replica = &mut site.replicas[one];
                replica.source.is_asked().await;
                model.set_reach(one, Reach::Stopped);
                replica.kill()?;
                sleep(some_time / 2).await;
                replica.start(model).await?;
            }
            Self::ServerStopped => {
                let replica = &site.replicas[one];
                replica.source.is_asked().await;
                model.set_reach(one, Reach::Stopped);
                replica.signal("STOP")?;
                // For longer than it may keep a page to itself.
                sleep(Duration::from_secs(11) + some_time / 4).await;
                replica.signal("CONT")?;
                model.set_reach(one, linked);
            }
            Self::LinkCut => {
                let link = &site.replicas[one].link;
                model.set_reach(one, Reach::CutOff);
                link.cut();
                sleep(some_time).await;
                link.lead_to(site.primary.addr);
                model.set_reach(one, linked);
            }
            Self::LinkSilent => {
                let link = &site.replicas[one].link;
                model.set_reach(one, Reach::CutOff);
                link.set_silent(true);
                sleep(some_time * 2).await;
                link.set_silent(false);
                model.set_reach(one, linked);
            }
            Self::LinksSlow => {
                let delay = Duration::from_millis(rng.u64(10..120));
                // There and back, for what was asked before too.
                site.set_reach(model, Reach::Linked(HEARD + delay * 6));
                site.replicas.iter().for_each(|replica| replica.link.delay(delay));
                sleep(Duration::from_secs(2) + some_time).await;
                site.replicas.iter().for_each(|replica| replica.link.delay(Duration::ZERO));
                site.set_reach(model, linked);
            }
        }
        Ok(())
    }
}

impl Site {
    fn set_reach(&self, model: &Model, reach: Reach) {
        (0..self.replicas.len()).for_each(|server| model.set_reach(server, reach));
    }

    /// Whether a server has ended by itself, which it must not.
    pub(super) fn has_ended(&mut self, model: &Model) -> Result<bool, Error> {
        for (server, replica) in self.replicas.iter_mut().enumerate() {
            if replica.has_ended()? {
                model.broken(format!("server {server} ended by itself"));
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Lets the standby follow the primary.
    pub(super) fn replicate(&self) -> Result<(), Error> {
        Ok(self.standby.order(&format!("REPLICAOF 127.0.0.1 {}", self.primary.addr.port()))?)
    }

    fn len_of_log(&self, redis: &Redis) -> Result<usize, Error> {
        let len = redis.say(&format!("XLEN isr1:{SITE}:log"))?;
        Ok(len.trim_start_matches(':').parse()?)
    }

    /// Waits until the standby has what the primary has, while nobody purges.
    pub(super) async fn in_step(&self) -> Result<(), Error> {
        for _ in 0..1000 {
            if self.len_of_log(&self.primary)? == self.len_of_log(&self.standby)? {
                return Ok(());
            }
            sleep(Duration::from_millis(20)).await;
        }
        Err("the replica of the Redis does not follow it".into())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RedisKilled => "Redis killed",
            Self::RedisPaused => "Redis paused",
            Self::RedisEmptied => "Redis emptied",
            Self::Failover => "failover to a replica that lags",
            Self::ServerKilled => "server killed while it renders",
            Self::ServerStopped => "server stopped for longer than a lease",
            Self::LinkCut => "link of a server cut",
            Self::LinkSilent => "link of a server silent",
            Self::LinksSlow => "links slow",
        })
    }
}
