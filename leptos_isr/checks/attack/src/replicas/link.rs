//! A server's way to the Redis, which can be slow, silent or cut, and lead to another one.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::sleep,
};

#[derive(Clone, Copy, Debug)]
struct Way {
    /// `None` while it is cut.
    to: Option<SocketAddr>,
    /// Counts the changes that close what was open.
    number: usize,
    /// How long each piece takes, there and back.
    delay: Duration,
    /// Whether nothing comes through, though nothing is closed.
    is_silent: bool,
}

/// Leads from an address of its own to a Redis.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) addr: SocketAddr,
    way: watch::Sender<Way>,
}

impl Link {
    pub(super) async fn to(redis: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let way = Way { to: Some(redis), number: 0, delay: Duration::ZERO, is_silent: false };
        let way = watch::Sender::new(way);
        let ways = way.subscribe();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(lead(near, ways.clone()));
            }
        });
        Ok(Self { addr, way })
    }

    /// Ends all connections, and lets none through until it leads somewhere.
    pub(super) fn cut(&self) {
        self.way.send_modify(|way| (way.to, way.number) = (None, way.number + 1));
    }

    /// Ends all connections, and leads to this Redis from now on.
    pub(super) fn lead_to(&self, redis: SocketAddr) {
        self.way.send_modify(|way| (way.to, way.number) = (Some(redis), way.number + 1));
    }

    pub(super) fn delay(&self, delay: Duration) {
        self.way.send_modify(|way| way.delay = delay);
    }

    pub(super) fn set_silent(&self, is_silent: bool) {
        self.way.send_modify(|way| way.is_silent = is_silent);
    }
}

async fn lead(near: TcpStream, mut ways: watch::Receiver<Way>) {
    let way = *ways.borrow_and_update();
    let Some(to) = way.to else { return };
    let Ok(far) = TcpStream::connect(to).await else { return };
    let (mut near_in, mut near_out) = near.into_split();
    let (mut far_in, mut far_out) = far.into_split();
    tokio::select! {
        () = carry(&mut near_in, &mut far_out, ways.clone()) => {}
        () = carry(&mut far_in, &mut near_out, ways.clone()) => {}
        _ = ways.wait_for(|other| other.number != way.number) => {}
    }
}

async fn carry(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    mut ways: watch::Receiver<Way>,
) {
    let mut piece = vec![0; 64 << 10];
    while let Ok(len @ 1..) = from.read(&mut piece).await {
        let Ok(delay) = ways.wait_for(|way| !way.is_silent).await.map(|way| way.delay) else {
            return;
        };
        // Even no time is a turn of the timer.
        if !delay.is_zero() {
            sleep(delay).await;
        }
        if to.write_all(&piece[..len]).await.is_err() {
            return;
        }
    }
}
