"""One row per device, production day, detector, metric and flagged reading.

A detector that flags nothing that day has one row without a time.
"""

from brickworks.detectors.devices import judge_devices
from brickworks.detectors.sensors import machine_judge


def model(dbt, session):
    """Judge the device-days that are due, in one pass over each machine."""
    device_days = dbt.ref("device_days")
    readings = dbt.ref("int_machine_readings")
    usual_values = dbt.ref("int_machine_usual_values")
    records = dbt.ref("int_machine_records")
    limits = dbt.ref("int_machine_limits")
    metrics = dbt.ref("machine_metrics")
    thresholds = dbt.ref("device_thresholds")
    due = session.query(
        f"""
        select sensor_type, device_id, production_date
        from {session.days(device_days)} as device_days
        """
    )
    rows = session.query(
        f"""
        select
            readings.sensor_type,
            readings.device_id,
            readings.production_date,
            readings.is_due,
            readings.event_at,
            readings.metric,
            metrics.unit,
            readings.value::double precision,
            coalesce(readings.is_running, true) as is_running,
            readings.hour_of_week,
            limits.high,
            limits.clears
        from {session.reads_once(device_days, readings)} as readings
        left join {limits} as limits
            on readings.sensor_type = limits.sensor_type
            and readings.device_id = limits.device_id
            and readings.metric = limits.metric
            and limits.severity = 'warning'
        left join {metrics} as metrics on readings.metric = metrics.metric
        """
    )
    usual = session.query(
        f"""
        select usual.*
        from {session.days(device_days)} as device_days
        cross join lateral {session.reads(usual_values)} as usual
        """
    )
    # What the days before each day that is judged have shown at most, together.
    shown = session.query(
        f"""
        select
            device_days.sensor_type,
            device_days.device_id,
            device_days.production_date,
            records.metric,
            count(*) as day_count,
            min(smallest_unusual) as smallest_unusual,
            max(largest_unusual) as largest_unusual,
            sum(count_unusual)::bigint as count_unusual,
            min(smallest_level) as smallest_level,
            max(largest_level) as largest_level,
            sum(count_level)::bigint as count_level,
            min(smallest_movement) as smallest_movement,
            max(largest_movement) as largest_movement,
            sum(count_movement)::bigint as count_movement
        from {session.days(device_days)} as device_days
        cross join lateral {session.reads(records)} as records
        where records.production_date < device_days.production_date
        group by 1, 2, 3, 4
        """
    )
    return judge_devices(
        due.df(),
        rows,
        thresholds.df(["device_id", "metric", "low", "high"]),
        machine_judge(shown.df(), usual.df()),
        at="event_at",
        keys=("sensor_type", "device_id"),
    )
