"""One row per device, production day, detector, metric and flagged reading.

A detector that flags nothing that day has one row without a time.
"""

from brickworks.detectors.devices import judge_devices
from brickworks.detectors.sensors import judge_moisture


def model(dbt, session):
    """Judge the device-days that are due, in one pass over each probe."""
    device_days = dbt.ref("device_days")
    readings = dbt.ref("int_moisture_readings")
    bands = dbt.ref("int_moisture_bands")
    thresholds = dbt.ref("device_thresholds")
    due = session.query(
        f"""
        select device_id, production_date
        from {session.days(device_days)} as device_days
        """
    )
    rows = session.query(
        f"""
        select
            readings.device_id,
            readings.production_date,
            readings.is_due,
            readings.event_at,
            readings.hour_of_week,
            readings.moisture::double precision,
            bands.low,
            bands.high
        from {session.reads_once(device_days, readings)} as readings
        left join {bands} as bands using (device_id)
        """
    )
    return judge_devices(
        due.df(),
        rows,
        thresholds.df(["device_id", "metric", "low", "high"]),
        judge_moisture,
        at="event_at",
    )
