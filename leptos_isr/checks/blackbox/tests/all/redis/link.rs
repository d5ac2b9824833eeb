//! A link to a Redis that can be slow or cut, and lead to another one.

use std::{
    future::pending,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

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
    /// How long each piece takes, there and back.
    delay: Duration,
}

/// Leads from an address of its own to a Redis. It ends with the test's runtime.
pub(crate) struct Link {
    pub(crate) addr: SocketAddr,
    way: Arc<Mutex<Way>>,
    changed: watch::Sender<()>,
    lost: watch::Sender<()>,
}

impl Link {
    pub(crate) async fn to(redis: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let way = Arc::new(Mutex::new(Way { to: Some(redis), delay: Duration::ZERO }));
        let (changed, lost) = (watch::Sender::new(()), watch::Sender::new(()));
        let link =
            Self { addr, way: Arc::clone(&way), changed: changed.clone(), lost: lost.clone() };
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (way, mut changed) = (Arc::clone(&way), changed.subscribe());
                let mut lost = lost.subscribe();
                tokio::spawn(async move {
                    let Some(to) = way.lock().unwrap().to else { return };
                    let Ok(far) = TcpStream::connect(to).await else { return };
                    let (mut near, mut far) = (near, far);
                    tokio::select! {
                        () = carry(&mut near, &mut far, &way) => {}
                        // What was open is closed when the way changes.
                        _ = changed.changed() => {}
                        _ = lost.changed() => pending().await,
                    }
                });
            }
        });
        link
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}/0", self.addr)
    }

    /// Ends all connections, and lets none through until it leads somewhere.
    pub(crate) fn cut(&self) {
        self.way.lock().unwrap().to = None;
        self.changed.send_replace(());
    }

    /// Lets nothing through any more on the connections that are open, as if the way were lost. Those
    /// that are opened later are not affected.
    pub(crate) fn lose_open_ones(&self) {
        self.lost.send_replace(());
    }

    /// Ends all connections, and leads to another Redis from now on.
    pub(crate) fn lead_to(&self, redis: SocketAddr) {
        self.way.lock().unwrap().to = Some(redis);
        self.changed.send_replace(());
    }

    pub(crate) fn delay(&self, delay: Duration) {
        self.way.lock().unwrap().delay = delay;
    }
}

async fn carry(near: &mut TcpStream, far: &mut TcpStream, way: &Mutex<Way>) {
    let (mut near_in, mut near_out) = near.split();
    let (mut far_in, mut far_out) = far.split();
    let there = pieces(&mut near_in, &mut far_out, way);
    let back = pieces(&mut far_in, &mut near_out, way);
    tokio::select! { () = there => {}, () = back => {} }
}

async fn pieces(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    way: &Mutex<Way>,
) {
    let mut piece = vec![0; 64 << 10];
    while let Ok(len @ 1..) = from.read(&mut piece).await {
        let delay = way.lock().unwrap().delay;
        sleep(delay).await;
        if to.write_all(&piece[..len]).await.is_err() {
            return;
        }
    }
}
