"""One row per device, production day, detector, metric and flagged reading.

A detector that flags nothing that day has one row without a time.
"""

from brickworks.detectors.sensors import detect


def model(dbt, session):
    """Judge the device-days that are due, each on its trailing window."""
    device_days = dbt.ref("device_days")
    readings = dbt.ref("int_machine_readings")
    alerts = dbt.ref("int_machine_alerts")
    thresholds = dbt.ref("device_thresholds")
    windows = session.query(
        f"""
        select
            device_days.sensor_type,
            device_days.device_id,
            device_days.production_date as judged_date,
            readings.production_date,
            readings.event_at,
            readings.metric,
            readings.value,
            null::numeric as low,
            limits.high,
            coalesce(readings.is_running, true) as is_judged
        from {session.days(device_days)} as device_days
        cross join lateral {session.reads(readings)} as readings
        left join lateral (
            select limit_value as high from {session.reads(alerts)} as alerts
            where alerts.metric = readings.metric and alerts.severity = 'warning'
            limit 1
        ) as limits on true
        """
    )
    rules = ("threshold", "spike", "stuck", "drift", "novelty")
    return detect(windows, thresholds, rules, keys=("sensor_type", "device_id"))
