//! What agents do all day, done by both.

use std::thread;

use convostore::{
    Clock, MessageQuery, NewMessage, NewSession, Role, SaveOptions, SessionQuery, Store,
    SystemClock,
};

use crate::fill::Ids;
use crate::latency::Network;
use crate::measure::in_turns;
use crate::raw::{Raw, Tenant};
use crate::report::Report;
use crate::{Place, Result, TEXT};

/// Those beside us, and how they are called.
const RAWS: [(Tenant, &str); 2] = [
    (Tenant::InEachTransaction, "raw, same promise"),
    (Tenant::Once, "raw, bare statement"),
];
const WRITERS: usize = 64;
/// Appends of each writer in a turn.
const EACH: usize = 10;

fn now() -> i64 {
    SystemClock.now().as_millis()
}

pub fn at_size(
    report: &mut Report,
    place: &Place,
    ids: &Ids,
    messages: u64,
    rounds: usize,
) -> Result<()> {
    let at = format!("at {messages} messages");
    // Nothing may grow beyond what the server itself does.
    let (append, read) = if messages < 10_000_000 {
        (1.2, 1.3)
    } else {
        (1.15, 1.15)
    };
    for raw in RAWS {
        let pair = Pair::connect(place, &place.url, raw)?;
        pair.appends(report, ids, &at, rounds, append)?;
        pair.reads(report, ids, &at, rounds, read)?;
    }
    Ok(())
}

/// With a millisecond of network between client and server, there and back.
pub fn at_a_distance(report: &mut Report, place: &Place, ids: &Ids, rounds: usize) -> Result<()> {
    let network = Network::before(&place.url)?;
    let at = "with 1 ms of network";
    for raw in RAWS {
        let pair = Pair::connect(place, &network.url(), raw)?;
        pair.appends(report, ids, at, rounds, 1.1)?;
        pair.reads(report, ids, at, rounds, 1.1)?;
    }
    Ok(())
}

struct Pair {
    store: Store,
    raw: Raw,
    name: &'static str,
}

impl Pair {
    fn connect(place: &Place, url: &str, (tenant, name): (Tenant, &'static str)) -> Result<Self> {
        Ok(Self {
            store: place.store(url)?,
            raw: Raw::connect(place, url, tenant)?,
            name,
        })
    }

    fn appends(
        &self,
        report: &mut Report,
        ids: &Ids,
        at: &str,
        rounds: usize,
        goal: f64,
    ) -> Result<()> {
        let (store, raw) = (&self.store, &self.raw);
        let one = in_turns(
            rounds,
            20,
            Box::new(|_| {
                store.save_message(&ids.ours, NewMessage::new(Role::USER, TEXT))?;
                Ok(())
            }),
            Box::new(|_| raw.append(&ids.raws, "user", &[TEXT], now()).map(drop)),
        )?;
        report.pair(&format!("append one {at}"), self.name, &one, goal);
        let fifty = in_turns(
            rounds,
            4,
            Box::new(|_| {
                let batch = vec![NewMessage::new(Role::USER, TEXT); 50];
                store.save_messages(&ids.ours, batch, SaveOptions::new())?;
                Ok(())
            }),
            Box::new(|_| raw.append(&ids.raws, "user", &[TEXT; 50], now()).map(drop)),
        )?;
        report.pair(&format!("append 50 {at}"), self.name, &fifty, goal);
        Ok(())
    }

    fn reads(
        &self,
        report: &mut Report,
        ids: &Ids,
        at: &str,
        rounds: usize,
        goal: f64,
    ) -> Result<()> {
        let (store, raw) = (&self.store, &self.raw);
        let load = in_turns(
            rounds,
            2,
            Box::new(|_| {
                let all = store.get_messages(&ids.thousand, MessageQuery::new())?;
                same(all.len(), 1000)
            }),
            Box::new(|_| same(raw.load(&ids.thousand)?.len(), 1000)),
        )?;
        report.pair(&format!("load 1,000 {at}"), self.name, &load, goal);
        let list = in_turns(
            rounds,
            4,
            Box::new(|_| same(store.list_sessions(SessionQuery::new())?.items.len(), 50)),
            Box::new(|_| same(raw.list_50()?.len(), 50)),
        )?;
        report.pair(&format!("list 50 of 10,000 {at}"), self.name, &list, goal);
        Ok(())
    }
}

fn same(got: usize, expected: usize) -> Result<()> {
    if got == expected {
        Ok(())
    } else {
        Err(format!("{got} rows, not {expected}").into())
    }
}

/// 64 threads, a session each: ours through one store, the others with a connection each.
pub fn many_writers(report: &mut Report, place: &Place, rounds: usize) -> Result<()> {
    for raw in RAWS {
        many_beside(report, place, rounds, raw)?;
    }
    Ok(())
}

fn many_beside(
    report: &mut Report,
    place: &Place,
    rounds: usize,
    (tenant, name): (Tenant, &str),
) -> Result<()> {
    let store = place.store(&place.url)?;
    let mut raws = Vec::new();
    let mut sessions = Vec::new();
    for _ in 0..WRITERS {
        raws.push(Raw::connect(place, &place.url, tenant)?);
        let of_both = [NewSession::new(), NewSession::new()].map(|new| store.create_session(new));
        let [ours, theirs] = of_both;
        sessions.push((ours?.id, theirs?.id));
    }
    let medians = in_turns(
        rounds,
        1,
        Box::new(|_| {
            thread::scope(|scope| {
                let writers = sessions.iter().map(|(id, _)| {
                    scope.spawn(|| -> convostore::Result<()> {
                        for _ in 0..EACH {
                            store.save_message(id, NewMessage::new(Role::USER, TEXT))?;
                        }
                        Ok(())
                    })
                });
                let writers: Vec<_> = writers.collect();
                for writer in writers {
                    writer.join().map_err(|_| "a writer panicked")??;
                }
                Ok(())
            })
        }),
        Box::new(|_| {
            thread::scope(|scope| {
                let writers = sessions.iter().zip(&mut raws).map(|((_, id), raw)| {
                    scope.spawn(|| -> std::result::Result<(), String> {
                        for _ in 0..EACH {
                            let done = raw.append(id, "user", &[TEXT], now());
                            done.map_err(|e| e.to_string())?;
                        }
                        Ok(())
                    })
                });
                let writers: Vec<_> = writers.collect();
                for writer in writers {
                    writer.join().map_err(|_| "a writer panicked")??;
                }
                Ok(())
            })
        }),
    )?;
    report.pair("640 appends by 64 threads", name, &medians, 1.2);
    Ok(())
}
