#!/usr/bin/env python3
"""Writes coinc.xml: a binary black hole as a compact-binary search would report it, in LIGO_LW.

The candidate is fictitious. The output is always the same file.

    python3 make_coinc.py [coinc.xml]        (needs igwn-ligolw)
"""

import math
import sys
from dataclasses import dataclass

from igwn_ligolw import ligolw, utils

PROGRAM = "example_inspiral"
SEARCH = "AllSky"
GPS_SECONDS = 1412546713
FALSE_ALARM_RATE = 3.17e-11  # Hz: once in a thousand years
LN_LIKELIHOOD_RATIO = 41.83
MASS_1, MASS_2 = 38.62, 31.47  # solar masses, detector frame
SPIN_1Z, SPIN_2Z = 0.083, -0.041
TEMPLATE_DURATION = 0.8137  # s

SETTINGS = (
    ("--job-tag", "0412_noninj"),
    ("--gracedb-group", "CBC"),
    ("--gracedb-pipeline", "gstlal"),
    ("--gracedb-search", SEARCH),
    ("--data-source", "devshm"),
    ("--shared-memory-dir", "H1=/dev/shm/kafka/H1"),
    ("--shared-memory-dir", "L1=/dev/shm/kafka/L1"),
    ("--shared-memory-dir", "V1=/dev/shm/kafka/V1"),
    ("--channel-name", "H1=GDS-CALIB_STRAIN_CLEAN"),
    ("--channel-name", "L1=GDS-CALIB_STRAIN_CLEAN"),
    ("--channel-name", "V1=Hrec_hoft_16384Hz"),
    ("--state-channel-name", "H1=GDS-CALIB_STATE_VECTOR"),
    ("--state-channel-name", "L1=GDS-CALIB_STATE_VECTOR"),
    ("--state-channel-name", "V1=DQ_ANALYSIS_STATE_VECTOR"),
    ("--state-vector-on-bits", "H1=3"),
    ("--state-vector-on-bits", "L1=3"),
    ("--state-vector-on-bits", "V1=2051"),
    ("--ht-gate-threshold", "50.0"),
    ("--psd-fft-length", "4"),
    ("--track-psd", "True"),
    ("--fir-stride", "0.25"),
    ("--coincidence-threshold", "0.005"),
    ("--min-instruments", "1"),
    ("--singles-threshold", "8.0"),
    ("--snr-threshold", "4.0"),
    ("--far-threshold", "0.0002314"),
    ("--likelihood-snapshot-interval", "14400.0"),
)


@dataclass(frozen=True)
class Trigger:
    """The trigger of one detector."""

    detector: str
    channel: str
    nanoseconds: int
    snr: float
    chisq: float
    phase: float
    horizon: float  # Mpc, for an optimally located source

    @property
    def effective_distance(self) -> float:
        return self.horizon * 8 / self.snr


TRIGGERS = (
    Trigger("H1", "GDS-CALIB_STRAIN_CLEAN", 148193359, 13.42, 0.9817, 1.2074, 1483.0),
    Trigger("L1", "GDS-CALIB_STRAIN_CLEAN", 141357422, 17.96, 1.0342, -1.8465, 1712.0),
    Trigger("V1", "Hrec_hoft_16384Hz", 163574219, 4.87, 0.9128, 2.6710, 548.0),
)

TOTAL_MASS = MASS_1 + MASS_2
SYMMETRIC_MASS_RATIO = MASS_1 * MASS_2 / TOTAL_MASS**2
CHIRP_MASS = SYMMETRIC_MASS_RATIO**0.6 * TOTAL_MASS
EFFECTIVE_SPIN = (MASS_1 * SPIN_1Z + MASS_2 * SPIN_2Z) / TOTAL_MASS
NETWORK_SNR = math.sqrt(sum(trigger.snr**2 for trigger in TRIGGERS))
LOUDEST = max(TRIGGERS, key=lambda trigger: trigger.snr)
DETECTORS = ",".join(trigger.detector for trigger in TRIGGERS)


TRIGGER_INTEGER_COLUMNS = (
    ("end_time", "end_time_ns", "impulse_time", "impulse_time_ns")
    + ("chisq_dof", "bank_chisq_dof", "cont_chisq_dof")
)

# The columns of each table and their types, as the LIGO_LW schema names them.
COLUMNS = {
    "process": {
        "process_id": "int_8s",
        "program": "lstring",
        "version": "lstring",
        "comment": "lstring",
        "node": "lstring",
        "username": "lstring",
        "unix_procid": "int_4s",
        "is_online": "int_4s",
        "start_time": "int_4s",
        "ifos": "lstring",
    },
    "process_params": {
        "process:process_id": "int_8s",
        "program": "lstring",
        "param": "lstring",
        "type": "lstring",
        "value": "lstring",
    },
    "search_summary": {
        "process:process_id": "int_8s",
        "ifos": "lstring",
        "comment": "lstring",
        "in_start_time": "int_4s",
        "in_start_time_ns": "int_4s",
        "in_end_time": "int_4s",
        "in_end_time_ns": "int_4s",
        "out_start_time": "int_4s",
        "out_start_time_ns": "int_4s",
        "out_end_time": "int_4s",
        "out_end_time_ns": "int_4s",
        "nevents": "int_4s",
        "nnodes": "int_4s",
    },
    "sngl_inspiral": {
        "event_id": "int_8s",
        "process:process_id": "int_8s",
        "ifo": "lstring",
        "search": "lstring",
        "channel": "lstring",
    }
    | dict.fromkeys(TRIGGER_INTEGER_COLUMNS, "int_4s")
    | dict.fromkeys(("end_time_gmst", "event_duration", "template_duration", "sigmasq"), "real_8")
    | dict.fromkeys(
        ("snr", "chisq", "bank_chisq", "cont_chisq", "coa_phase", "amplitude", "eff_distance", "f_final")
        + ("mass1", "mass2", "mtotal", "mchirp", "eta", "chi", "kappa", "tau0", "tau2", "tau3", "ttotal")
        + ("tau4", "tau5", "psi0", "psi3", "beta", "rsqveto_duration", "alpha")
        + tuple(f"alpha{number}" for number in range(1, 7))
        + ("spin1x", "spin1y", "spin1z", "spin2x", "spin2y", "spin2z")
        + tuple(f"Gamma{number}" for number in range(10)),
        "real_4",
    ),
    "time_slide": {
        "process:process_id": "int_8s",
        "time_slide_id": "int_8s",
        "instrument": "lstring",
        "offset": "real_8",
    },
    "coinc_definer": {
        "coinc_def_id": "int_8s",
        "search": "lstring",
        "search_coinc_type": "int_4u",
        "description": "lstring",
    },
    "coinc_event": {
        "coinc_event_id": "int_8s",
        "process:process_id": "int_8s",
        "coinc_definer:coinc_def_id": "int_8s",
        "time_slide:time_slide_id": "int_8s",
        "instruments": "lstring",
        "nevents": "int_4u",
        "likelihood": "real_8",
    },
    "coinc_event_map": {
        "coinc_event:coinc_event_id": "int_8s",
        "table_name": "lstring",
        "event_id": "int_8s",
    },
    "coinc_inspiral": {
        "coinc_event:coinc_event_id": "int_8s",
        "ifos": "lstring",
        "end_time": "int_4s",
        "end_time_ns": "int_4s",
        "mass": "real_8",
        "mchirp": "real_8",
        "minimum_duration": "real_8",
        "snr": "real_8",
        "false_alarm_rate": "real_8",
        "combined_far": "real_8",
    },
}


def make_table(name: str, rows: list[dict]):
    """A table with these rows; missing numbers and ids are zero."""
    schema = type("Table", (ligolw.Table,), {"tableName": name, "validcolumns": COLUMNS[name]})
    table = schema.new(list(COLUMNS[name]))
    for row in rows:
        filled = table.RowType()
        for column, kind in COLUMNS[name].items():
            column = column.rpartition(":")[2]
            setattr(filled, column, row.get(column, None if kind == "lstring" else 0))
        table.append(filled)
    return table


def single_detector(trigger: Trigger, event_id: int) -> dict:
    return {
        "event_id": event_id,
        "ifo": trigger.detector,
        "search": SEARCH,
        "channel": trigger.channel,
        "end_time": GPS_SECONDS,
        "end_time_ns": trigger.nanoseconds,
        "template_duration": TEMPLATE_DURATION,
        "snr": trigger.snr,
        "chisq": trigger.chisq,
        "chisq_dof": 1,
        "coa_phase": trigger.phase,
        "eff_distance": trigger.effective_distance,
        "sigmasq": trigger.horizon**2 * 64,
        "mass1": MASS_1,
        "mass2": MASS_2,
        "mtotal": TOTAL_MASS,
        "mchirp": CHIRP_MASS,
        "eta": SYMMETRIC_MASS_RATIO,
        "chi": EFFECTIVE_SPIN,
        "spin1z": SPIN_1Z,
        "spin2z": SPIN_2Z,
        "f_final": 1024.0,
        "Gamma0": 84273.0,
        "Gamma1": 412.0,
    }


TABLES = {
    "process": [
        {
            "program": PROGRAM,
            "version": "1.0.0",
            "comment": "an example, not a detection",
            "node": "node-12",
            "username": "pipeline",
            "unix_procid": 21840,
            "is_online": 1,
            "start_time": GPS_SECONDS - 86400,
            "ifos": DETECTORS,
        }
    ],
    "process_params": [
        {"program": PROGRAM, "param": name, "type": "lstring", "value": value} for name, value in SETTINGS
    ],
    "search_summary": [
        {
            "ifos": DETECTORS,
            "in_start_time": GPS_SECONDS - 86400,
            "in_end_time": GPS_SECONDS + 2,
            "out_start_time": GPS_SECONDS - 86384,
            "out_end_time": GPS_SECONDS + 1,
            "nevents": len(TRIGGERS),
            "nnodes": 1,
        }
    ],
    "sngl_inspiral": [single_detector(trigger, event_id) for event_id, trigger in enumerate(TRIGGERS)],
    "time_slide": [{"instrument": trigger.detector} for trigger in TRIGGERS],
    "coinc_definer": [{"search": "inspiral", "description": "sngl_inspiral<-->sngl_inspiral coincidences"}],
    "coinc_event": [{"instruments": DETECTORS, "nevents": len(TRIGGERS), "likelihood": LN_LIKELIHOOD_RATIO}],
    "coinc_event_map": [
        {"table_name": "sngl_inspiral", "event_id": event_id} for event_id in range(len(TRIGGERS))
    ],
    "coinc_inspiral": [
        {
            "ifos": DETECTORS,
            "end_time": GPS_SECONDS,
            "end_time_ns": LOUDEST.nanoseconds,
            "mass": TOTAL_MASS,
            "mchirp": CHIRP_MASS,
            "minimum_duration": TEMPLATE_DURATION,
            "snr": NETWORK_SNR,
            "false_alarm_rate": 2.4e-08,
            "combined_far": FALSE_ALARM_RATE,
        }
    ],
}


def make_document():
    document = ligolw.Document()
    root = document.appendChild(ligolw.LIGO_LW())
    for name, rows in TABLES.items():
        root.appendChild(make_table(name, rows))
    return document


if __name__ == "__main__":
    utils.write_filename(make_document(), sys.argv[1] if len(sys.argv) > 1 else "coinc.xml")
