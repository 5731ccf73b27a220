"""One row per device, production day, rule and flagged minute step.

A rule that flags nothing that day has one row without a time.
"""

from brickworks.detectors.bricks import bricks
from brickworks.detectors.devices import judge_devices


def model(dbt, session):
    """Judge the device-days that are due, each device in one pass over its steps."""
    days = dbt.ref("device_days")
    steps = session.reads_once(days, dbt.ref("int_brick_steps"))
    periods = session.reads_once(days, dbt.ref("int_brick_production_periods"))
    due = session.query(f"select * from {session.days(days)} as due")
    # A step ends after the hours whose pieces tell what is usual: those of the seven
    # days before the hour before it.
    rows = session.query(
        f"""
        with hours_and_steps as (
            select
                device_id, ends_at as at, production_date, starts_at,
                seconds::double precision, known_pieces::double precision as pieces,
                known_scrap::double precision as errors, is_gap,
                planned_seconds::double precision,
                registered_ideal_rate_per_hour::double precision
                    as ideal_rate_per_hour,
                brick_type, null::bigint as hour_pieces, null::bigint as hour_errors
            from {steps} as steps
            union all
            select
                device_id, start_time, production_date, null, null, null, null, null,
                null, null, null, measured_increment, error_count
            from {periods} as periods
            where grain = 'hour'
        ),

        usual as (
            select
                *,
                sum(hour_pieces) over before::double precision as usual_pieces,
                sum(hour_errors) over before::double precision as usual_errors
            from hours_and_steps
            window before as (
                partition by device_id order by at
                range between interval '169 hours' preceding
                    and interval '2 hours' preceding
            )
        )

        select * from usual where starts_at is not null
        """
    )
    thresholds = dbt.ref("device_thresholds").df()
    return judge_devices(due.df(), rows, thresholds, bricks, at="at")
