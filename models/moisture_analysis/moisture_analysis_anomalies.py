"""One row per device, production day, detector, metric and flagged reading.

A detector that flags nothing that day has one row without a time.
"""

from brickworks.detectors.sensors import detect


def model(dbt, session):
    """Judge the device-days that are due, each on its trailing window."""
    device_days = dbt.ref("device_days")
    readings = dbt.ref("int_moisture_readings")
    ranges = dbt.ref("int_moisture_ranges")
    thresholds = dbt.ref("device_thresholds")
    windows = session.query(
        f"""
        select
            device_days.device_id,
            device_days.production_date as judged_date,
            readings.production_date,
            readings.event_at,
            'moisture' as metric,
            readings.moisture as value,
            bands.low,
            bands.high,
            true as is_judged
        from {session.days(device_days)} as device_days
        cross join lateral (
            select band_low as low, band_high as high
            from {session.reads(ranges)} as ranges
            limit 1
        ) as bands
        cross join lateral {session.reads(readings)} as readings
        where readings.production_date <= device_days.production_date
        """
    )
    return detect(windows, thresholds, ("threshold", "spike", "stuck", "drift"))
