package depot;

public class Rack {
}
