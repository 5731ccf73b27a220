"""One row per machine, production day and metric: the day's records."""

from brickworks.detectors.sensors import find_records


def model(dbt, session):
    """Find the records of the days that are due, in one pass over each machine."""
    device_days = dbt.ref("device_days")
    readings = dbt.ref("int_machine_readings")
    usual_values = dbt.ref("int_machine_usual_values")
    thresholds = dbt.ref("device_thresholds")
    rows = session.query(
        f"""
        select
            sensor_type,
            device_id,
            production_date,
            is_due,
            event_at,
            metric,
            null::text as unit,
            value::double precision,
            coalesce(is_running, true) as is_running,
            readings.hour_of_week
        from {session.reads_once(device_days, readings)} as readings
        """
    )
    usual = session.query(
        f"""
        select usual.*
        from {session.days(device_days)} as device_days
        cross join lateral {session.reads(usual_values)} as usual
        """
    )
    limits = thresholds.df(["device_id", "metric", "high"])
    return find_records(rows, usual.df(), limits)
