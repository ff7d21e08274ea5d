package depot;

public interface Rack {
    int places();
}
