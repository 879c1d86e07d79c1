DELETE FROM graph_lanes WHERE lane = 'enrollment_configurations';
ALTER TABLE graph_lanes DROP CONSTRAINT graph_lanes_lane_check;
ALTER TABLE graph_lanes ADD CONSTRAINT graph_lanes_lane_check CHECK (lane IN ('conditional_access'));
